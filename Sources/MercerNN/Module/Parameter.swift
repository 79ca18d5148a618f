import Mercer

/// How the official (PyTorch) file of a parameter lays out its axes, where it differs from Mercer's layout.
public enum ParameterLayout: Sendable {
    /// The same in both.
    case plain
    /// `[output, spatial…, input / groups]` here, `[output, input / groups, spatial…]` in PyTorch.
    case convolution
    /// `[output, spatial…, input / groups]` here, `[input, output / groups, spatial…]` in PyTorch.
    case transposedConvolution(groups: Int)
}

/// A tensor that belongs to a module: a parameter, which is trained, or a buffer, which is only kept.
///
/// It is a reference, so that two modules can share one (``ParameterInfo/projectedValue``), and lazy: a parameter
/// with an initialiser takes no memory before it is first read, so that a model can be described, or loaded from a
/// file, without making random numbers first.
public final class Parameter {
    /// What a tensor is to its module.
    public enum Role: Sendable {
        /// Trained and saved.
        case parameter
        /// Saved but not trained, running statistics for example.
        case buffer
        /// Neither trained nor saved: a table that can be made again.
        case unsavedBuffer
    }

    public let role: Role
    /// How files in PyTorch's layout order its axes.
    public let layout: ParameterLayout
    public private(set) var shape: [Int]
    public private(set) var dtype: DType
    /// The initial value, for ``Module/initialize(_:)``; nil where the value was given.
    public var initializer: Initializer?
    /// Fan-in and fan-out, where they don't follow from the shape.
    let fans: Fans?
    private var stored: Tensor?
    private let creation: UInt64

    var isFrozen = false {
        didSet { if isFrozen != oldValue { Module.structureChanged() } }
    }

    /// A tensor with a value.
    public init(_ value: Tensor, role: Role = .parameter, layout: ParameterLayout = .plain) {
        stored = value.detached
        shape = value.shape
        dtype = value.dtype
        self.role = role
        self.layout = layout
        fans = nil
        creation = 0
    }

    /// A tensor whose value is made when it is first needed.
    ///
    /// - Parameter fans: fan-in and fan-out for the initialiser; by default of the layouts `[output, …, input]`.
    public init(
        _ shape: [Int], _ dtype: DType = .float32, initializer: Initializer, role: Role = .parameter,
        layout: ParameterLayout = .plain, fans: Fans? = nil
    ) {
        self.shape = shape
        self.dtype = dtype
        self.initializer = initializer
        self.role = role
        self.layout = layout
        self.fans = fans
        creation = Parameter.created.next()
    }

    /// The value. A parameter that was never initialised is then, from a key that follows from the number of
    /// parameters made before it in this process; ``Module/initialize(_:)`` is the way to choose.
    public var value: Tensor {
        get {
            if let stored { return stored }
            initialize(RandomKey(creation))
            return stored!
        }
        set {
            stored = newValue
            if shape != newValue.shape { shape = newValue.shape }
            if dtype != newValue.dtype { dtype = newValue.dtype }
        }
    }

    /// Whether the value is there: given, loaded or initialised.
    public var isInitialized: Bool { stored != nil }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Sets the value that the initialiser makes from `key`; does nothing without one.
    public func initialize(_ key: RandomKey) {
        guard let initializer else { return }
        let value = initializer(shape, fans: fans ?? Fans(shape), key: key)
        stored = value.dtype == dtype ? value : value.asType(dtype)
    }

    /// Changes the value in place where nobody else holds it.
    func withValue<R>(_ body: (inout Tensor) -> R) -> R {
        _ = value
        return body(&stored!)
    }

    private static let created = Counter()
}
