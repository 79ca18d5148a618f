/// A value on the stack of the unpickler.
indirect enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    /// A number or text that no tensor needs: kept only as something.
    case other
    case text(String)
    case global(String)
    case tuple([PickleValue], depth: Int)
    case list(PickleList)
    case dictionary(PickleDictionary)
    case storage(PickleStorage)
    case tensor(Tensor)

    /// How deep tuples are nested in tuples; lists and dictionaries are references and count as flat.
    var depth: Int { if case .tuple(_, let depth) = self { depth } else { 0 } }

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a bool"
        case .integer: "a whole number"
        case .other: "another number or bytes"
        case .text: "text"
        case .global(let name): "the global \(TensorFileError.quoted(name))"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .storage: "a storage"
        case .tensor: "a tensor"
        }
    }
}

/// A Python list: one object, however many refer to it.
final class PickleList {
    var elements: [PickleValue] = []
}

/// A Python dictionary in its order of insertion. A key that occurs twice stays twice.
final class PickleDictionary {
    var members: [(key: PickleValue, value: PickleValue)] = []
}

/// The bytes of a torch storage and the type its elements have; nil for one without (`UntypedStorage`).
struct PickleStorage {
    let key: String
    let contents: FileContents
    let dtype: DType?
}

/// What of PyTorch a pickle may name.
enum PickleGlobal {
    static let dictionaries: Set<String> = ["collections.OrderedDict"]

    /// Storage types, with the elements they hold.
    static let storages: [String: DType?] = [
        "torch.BoolStorage": .bool, "torch.ByteStorage": .uint8, "torch.CharStorage": .int8,
        "torch.ShortStorage": .int16, "torch.IntStorage": .int32, "torch.LongStorage": .int64,
        "torch.HalfStorage": .float16, "torch.BFloat16Storage": .bfloat16, "torch.FloatStorage": .float32,
        "torch.DoubleStorage": .float64, "torch.ComplexFloatStorage": .complex64,
        "torch.ComplexDoubleStorage": .complex128, "torch.storage.UntypedStorage": nil,
    ]

    /// Element types, as `_rebuild_tensor_v3` takes them.
    static let dtypes: [String: DType] = [
        "torch.bool": .bool, "torch.uint8": .uint8, "torch.int8": .int8, "torch.uint16": .uint16,
        "torch.int16": .int16, "torch.uint32": .uint32, "torch.int32": .int32, "torch.uint64": .uint64,
        "torch.int64": .int64, "torch.float16": .float16, "torch.bfloat16": .bfloat16,
        "torch.float32": .float32,
        "torch.float64": .float64, "torch.complex64": .complex64, "torch.complex128": .complex128,
    ]

    /// Functions that make tensors.
    static let rebuilders: Set<String> = [
        "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
        "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
    ]

    static func isKnown(_ name: String) -> Bool {
        dictionaries.contains(name) || storages[name] != nil || dtypes[name] != nil
            || rebuilders.contains(name)
            || name == "torch.Size"
    }
}
