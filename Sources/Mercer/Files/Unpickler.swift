/// Interprets the pickle of a checkpoint without running anything: a stack machine of which only those instructions
/// exist that data needs. A global outside ``PickleGlobal`` ends it with an error that names the global.
///
/// Every value costs at least one byte of the program, sizes are checked against the bytes that are there, and nesting
/// is bounded: memory and time stay in proportion to the file.
struct Unpickler {
    private var reader: ByteReader
    private let loadStorage: (String) throws -> FileContents
    private var stack: [PickleValue] = []
    /// Heights of the stack where marks stand.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var storages: [String: FileContents] = [:]
    /// Storages as tensors, by key and type.
    private var flats: [String: Tensor] = [:]
    /// Elements that were copied from one container to another.
    private var copied = 0
    /// All lists and dictionaries, so that those that contain themselves can be taken apart.
    private var lists: [PickleList] = []
    private var dictionaries: [PickleDictionary] = []

    private static let depthLimit = 64

    /// - Parameter loadStorage: the bytes of a storage by its key.
    init(
        _ bytes: UnsafeRawBufferPointer, path: String, loadStorage: @escaping (String) throws -> FileContents
    ) {
        reader = ByteReader(bytes, path: path)
        self.loadStorage = loadStorage
    }

    /// Empties all containers: they may refer to themselves.
    mutating func breakCycles() {
        stack = []
        memo = [:]
        for list in lists { list.elements = [] }
        for dictionary in dictionaries { dictionary.members = [] }
    }

    /// Runs the program and lists the tensors in its result.
    mutating func tensors() throws -> [(String, Tensor)] {
        let result = try run()
        // Shared containers could be reached along exponentially many ways: count what is visited.
        var budget = 1000 + 16 * reader.bytes.count
        var found: [(String, Tensor)] = []
        func visit(_ value: PickleValue, _ name: String, _ depth: Int) throws {
            budget -= 1 + name.utf8.count
            guard budget >= 0, depth <= Self.depthLimit else {
                throw reader.failure(
                    "containers that are nested or shared too much", "a plain dictionary of tensors")
            }
            func child(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
            switch value {
            case .tensor(let tensor): found.append((name, tensor))
            case .tuple(let elements, _):
                budget -= elements.count
                for (i, element) in elements.enumerated() { try visit(element, child("\(i)"), depth + 1) }
            case .list(let list):
                budget -= list.elements.count
                for (i, element) in list.elements.enumerated() {
                    try visit(element, child("\(i)"), depth + 1)
                }
            case .dictionary(let dictionary):
                budget -= dictionary.members.count
                for (key, value) in dictionary.members {
                    switch key {
                    case .text(let key): try visit(value, child(key), depth + 1)
                    case .integer(let key): try visit(value, child("\(key)"), depth + 1)
                    default: continue
                    }
                }
            default: return
            }
        }
        try visit(result, "", 0)
        return found
    }

    // MARK: The machine

    private mutating func run() throws -> PickleValue {
        while true {
            let start = reader.position
            let code = try reader.number(UInt8.self, "an instruction")
            if code == UInt8(ascii: ".") { return try pop() }
            try step(Unicode.Scalar(code), start)
        }
    }

    private mutating func step(_ code: Unicode.Scalar, _ start: Int) throws {
        switch code {
        case "\u{80}":
            let version = try reader.number(UInt8.self, "a protocol version")
            guard version <= 5 else {
                throw reader.failure("pickle protocol \(version)", "at most 5", at: start)
            }
        case "\u{95}": _ = try reader.take(8, "a frame length")
        case "(": marks.append(stack.count)
        // Constants
        case "N": push(.none)
        case "\u{88}": push(.bool(true))
        case "\u{89}": push(.bool(false))
        case "K": push(.integer(Int(try reader.number(UInt8.self, "a number"))))
        case "M": push(.integer(Int(try reader.number(UInt16.self, "a number"))))
        case "J": push(.integer(Int(try reader.number(Int32.self, "a number"))))
        case "\u{8a}": push(try long(UInt64(try reader.number(UInt8.self, "a length"))))
        case "\u{8b}": push(try long(UInt64(try reader.number(UInt32.self, "a length"))))
        case "G":
            _ = try reader.take(8, "a number")
            push(.other)
        case "\u{8c}": push(.text(try text(UInt64(try reader.number(UInt8.self, "a length")))))
        case "X": push(.text(try text(UInt64(try reader.number(UInt32.self, "a length")))))
        case "\u{8d}": push(.text(try text(try reader.number(UInt64.self, "a length"))))
        case "U", "C": try skipBytes(UInt64(try reader.number(UInt8.self, "a length")))
        case "T", "B": try skipBytes(UInt64(try reader.number(UInt32.self, "a length")))
        case "\u{8e}": try skipBytes(try reader.number(UInt64.self, "a length"))
        // Containers
        case ")": push(.tuple([], depth: 0))
        case "\u{85}": try pushTuple(try popTop(1))
        case "\u{86}": try pushTuple(try popTop(2))
        case "\u{87}": try pushTuple(try popTop(3))
        case "t": try pushTuple(try popToMark())
        case "]": push(newList([]))
        case "l": push(newList(try popToMark()))
        case "a":
            let element = try pop()
            try append([element])
        case "e":
            let elements = try popToMark()
            try append(elements)
        case "}": push(newDictionary())
        case "d":
            let items = try popToMark()
            push(newDictionary())
            try setItems(items)
        case "s":
            let items = try popTop(2)
            try setItems(items)
        case "u":
            let items = try popToMark()
            try setItems(items)
        case "0": _ = try pop()
        // The memo
        case "q": memo[Int(try reader.number(UInt8.self, "an index"))] = try top()
        case "r": memo[Int(try reader.number(UInt32.self, "an index"))] = try top()
        case "\u{94}": memo[memo.count] = try top()
        case "h": try recall(Int(try reader.number(UInt8.self, "an index")))
        case "j": try recall(Int(try reader.number(UInt32.self, "an index")))
        // Objects
        case "c":
            let module = try line()
            let name = try line()
            push(try global("\(module).\(name)", start))
        case "\u{93}":
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw reader.failure("a global whose name isn't text", "text", at: start)
            }
            push(try global("\(module).\(name)", start))
        case "R": try reduce(start)
        case "b":
            // Attributes of an OrderedDict: state dictionaries carry version numbers there, no tensors.
            _ = try pop()
            guard case .dictionary = try top() else {
                throw reader.failure(
                    "attributes of \(try top().kind)", "only an OrderedDict to have them", at: start)
            }
        case "Q": push(.storage(try storage(try pop(), start)))
        default:
            throw TensorFileError.unsupported(
                path: reader.path, place: .byte(start),
                found: "the pickle instruction 0x\(String(code.value, radix: 16))",
                supported: "those of tensors, dictionaries, lists, tuples, numbers and text")
        }
    }

    private mutating func push(_ value: PickleValue) { stack.append(value) }

    private func top() throws -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw reader.failure("an instruction that needs a value", "one on the stack")
        }
        return value
    }

    private mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func popTop(_ count: Int) throws -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else {
            throw reader.failure("an instruction that needs \(count) values", "them on the stack")
        }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw reader.failure("no mark", "one on the stack") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    // MARK: Constants

    private mutating func text(_ length: UInt64) throws -> String {
        let start = reader.position
        guard let text = String(validating: try reader.take(length, "text"), as: UTF8.self) else {
            throw reader.failure("text that isn't UTF-8", "UTF-8", at: start)
        }
        return text
    }

    private mutating func skipBytes(_ length: UInt64) throws {
        _ = try reader.take(length, "bytes")
        push(.other)
    }

    /// A whole number of any length, lowest byte first, in two's complement.
    private mutating func long(_ length: UInt64) throws -> PickleValue {
        let bytes = try reader.take(length, "a number")
        if bytes.count > 8 { return .other }
        var value: Int64 = (bytes.last ?? 0) & 0x80 != 0 ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int64(byte) }
        return .integer(Int(value))
    }

    private mutating func line() throws -> String {
        let rest = reader.bytes[reader.position...]
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
            throw reader.failure("a line without end", "a line feed")
        }
        let text = try text(UInt64(end - reader.position))
        reader.position = end + 1
        return text
    }

    // MARK: Containers

    private mutating func pushTuple(_ elements: [PickleValue]) throws {
        let depth = 1 + (elements.map(\.depth).max() ?? 0)
        guard depth <= Self.depthLimit else {
            throw reader.failure("tuples nested deeper than \(Self.depthLimit)", "fewer levels")
        }
        push(.tuple(elements, depth: depth))
    }

    private mutating func newList(_ elements: [PickleValue]) -> PickleValue {
        let list = PickleList()
        list.elements = elements
        lists.append(list)
        return .list(list)
    }

    private mutating func newDictionary() -> PickleValue {
        let dictionary = PickleDictionary()
        dictionaries.append(dictionary)
        return .dictionary(dictionary)
    }

    private func append(_ elements: [PickleValue]) throws {
        guard case .list(let list) = try top() else {
            throw reader.failure("elements appended to \(try top().kind)", "a list")
        }
        list.elements += elements
    }

    private func setItems(_ items: [PickleValue]) throws {
        guard case .dictionary(let dictionary) = try top(), items.count % 2 == 0 else {
            throw reader.failure("items set in \(try top().kind)", "pairs and a dictionary")
        }
        for i in stride(from: 0, to: items.count, by: 2) {
            dictionary.members.append((items[i], items[i + 1]))
        }
    }

    private mutating func recall(_ index: Int) throws {
        guard let value = memo[index] else {
            throw reader.failure("memo \(index), which is empty", "a value")
        }
        push(value)
    }

    // MARK: Tensors

    private func global(_ name: String, _ start: Int) throws -> PickleValue {
        guard PickleGlobal.isKnown(name) else {
            throw TensorFileError.unsupported(
                path: reader.path, place: .byte(start), found: "the global \(TensorFileError.quoted(name))",
                supported:
                    "tensors, parameters, dictionaries, lists and tuples; save a state_dict or use safetensors"
            )
        }
        return .global(name)
    }

    private mutating func reduce(_ start: Int) throws {
        guard case .tuple(let arguments, _) = try pop(), case .global(let name) = try pop() else {
            throw reader.failure("a call of something that isn't a global", "one", at: start)
        }
        switch name {
        case "collections.OrderedDict":
            guard arguments.count <= 1 else {
                throw reader.failure("\(arguments.count) arguments", "at most 1", at: start)
            }
            push(newDictionary())
            guard case .list(let pairs)? = arguments.first else { return }
            copied += pairs.elements.count
            guard copied <= reader.bytes.count else {
                throw reader.failure("one list copied again and again", "each once", at: start)
            }
            for pair in pairs.elements {
                guard case .tuple(let pair, _) = pair else {
                    throw reader.failure("a \(pair.kind)", "a pair", at: start)
                }
                try setItems(pair)
            }
        case "torch.Size": push(arguments.first ?? .none)
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            guard case .tensor(let tensor)? = arguments.first else {
                throw reader.failure("a parameter without tensor", "one", at: start)
            }
            push(.tensor(tensor))
        case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
            "torch._utils._rebuild_tensor_v3":
            push(.tensor(try tensor(arguments, isUntyped: name.hasSuffix("v3"), start)))
        default: throw reader.failure("a call of \(name)", "a function that makes a tensor", at: start)
        }
    }

    /// ("storage", type, key, device, count): a persistent reference to a member of the archive.
    private mutating func storage(_ reference: PickleValue, _ start: Int) throws -> PickleStorage {
        guard case .tuple(let parts, _) = reference, parts.count >= 5, case .text("storage") = parts[0],
            case .global(let type) = parts[1], let dtype = PickleGlobal.storages[type],
            case .text(let key) = parts[2],
            case .integer(let count) = parts[4], count >= 0
        else {
            throw reader.failure(
                "a reference that isn't to a storage", "(storage, type, key, device, count)", at: start)
        }
        let contents: FileContents
        if let loaded = storages[key] {
            contents = loaded
        } else {
            contents = try loadStorage(key)
            storages[key] = contents
        }
        guard count <= contents.count / (dtype?.size ?? 1) else {
            throw reader.failure(
                "a storage of \(count) elements", "no more than its \(contents.count) bytes hold", at: start)
        }
        return PickleStorage(key: key, contents: contents, dtype: dtype)
    }

    /// (storage, offset, size, stride, …), and for the third version (…, requires gradient, hooks, type).
    private mutating func tensor(_ arguments: [PickleValue], isUntyped: Bool, _ start: Int) throws -> Tensor {
        let reader = reader
        func failure(_ found: String, _ expected: String) -> TensorFileError {
            reader.failure(found, expected, at: start)
        }
        guard arguments.count >= (isUntyped ? 7 : 4), case .storage(let storage) = arguments[0],
            case .integer(let offset) = arguments[1], let shape = integers(arguments[2]),
            let strides = integers(arguments[3]), strides.count == shape.count, offset >= 0
        else { throw failure("a tensor of other parts", "storage, offset, size and stride") }
        var dtype = storage.dtype
        if isUntyped, case .global(let name) = arguments[6] { dtype = PickleGlobal.dtypes[name] }
        guard let dtype else { throw failure("a tensor without element type", "one") }
        let available = storage.contents.count / dtype.size
        guard let count = CheckedSize.count(shape, times: 1), let last = lastIndex(offset, shape, strides),
            count == 0 || last < available
        else {
            throw failure(
                "a tensor of shape \(shape), strides \(strides) and offset \(offset)",
                "elements within the \(available) of its storage")
        }
        // Stretched axes cost nothing in the file, but a dense copy must not be a bomb.
        guard count / 16 <= available + 256 else {
            throw failure("\(count) elements over a storage of \(available)", "no more than 16 times as many")
        }
        if count == 0 { return Tensor(uninitialized: shape, dtype) }
        let name = "\(dtype) \(storage.key)"
        let flat = try flats[name] ?? storage.contents.tensor(at: 0, [available], dtype)
        flats[name] = flat
        return Tensor(
            storage: flat.storage, shape: shape, strides: strides, offset: flat.offset + offset, dtype: dtype)
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        guard case .tuple(let elements, _) = value, elements.count <= 64 else { return nil }
        var result: [Int] = []
        for element in elements {
            guard case .integer(let number) = element, number >= 0 else { return nil }
            result.append(number)
        }
        return result
    }

    /// The largest index that a strided tensor reads; nil where it overflows.
    private func lastIndex(_ offset: Int, _ shape: [Int], _ strides: [Int]) -> Int? {
        var last = offset
        for (length, stride) in zip(shape, strides) where length > 1 {
            let (step, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
            let (sum, carry) = last.addingReportingOverflow(step)
            if overflow || carry { return nil }
            last = sum
        }
        return last
    }
}
