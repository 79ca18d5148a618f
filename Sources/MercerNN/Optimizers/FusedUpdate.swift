import CKernels
import Mercer

/// The kernels of the instruction set that this process uses.
let optimizerKernels: mercer_optimizer_kernels = {
    let table = mercer_optimizer_table
    return switch InstructionSet.current {
    case .baseline: table.0
    case .avx2: table.1
    case .avx512: table.2
    }
}()

/// A run of elements of one parameter, its gradient and its state.
struct UpdateChunk {
    let entry: Int
    /// Place of the run among all of the update.
    let piece: Int
    let count: Int
    /// float64; otherwise float32.
    let isDouble: Bool
    let parameter: UnsafeMutableRawPointer
    let gradient: UnsafeRawPointer
    private let state: UnsafePointer<UnsafeMutableRawPointer>
    private let byteOffset: Int

    init(
        _ index: Int, _ piece: Pieces.Piece, _ pointers: FusedUpdate.Pointers,
        _ state: UnsafePointer<UnsafeMutableRawPointer>
    ) {
        entry = piece.array
        self.piece = index
        count = piece.count
        isDouble = pointers.isDouble
        byteOffset = piece.start * (isDouble ? 8 : 4)
        parameter = pointers.parameter + byteOffset
        gradient = pointers.gradient + byteOffset
        self.state = state
    }

    /// A state tensor's part.
    func state(_ index: Int) -> UnsafeMutableRawPointer { state[index] + byteOffset }
}

/// One update of all parameters by a kernel: their addresses, and the loop over pieces.
///
/// float32 and float64 parameters change where they are. Those of half width are computed in float32 and rounded
/// back; their state is float32.
final class FusedUpdate {
    struct Pointers {
        var parameter: UnsafeMutableRawPointer
        var gradient: UnsafeRawPointer
        var isDouble: Bool
    }

    let plan: UpdatePlan
    let settings: [UpdateSettings]
    private let stateCount: Int
    private var pointers: [Pointers] = []
    private var states: [UnsafeMutableRawPointer] = []
    /// Dense gradients, held for the time of the update.
    private var gradients: [Tensor] = []
    /// float32 values of parameters of half width, by entry.
    private var widened: [Int: Tensor] = [:]

    init(_ plan: UpdatePlan, _ gradients: [Tensor], _ settings: [UpdateSettings]) {
        self.plan = plan
        self.settings = settings
        stateCount = plan.entries.first?.state.tensors.count ?? 0
        pointers.reserveCapacity(plan.entries.count)
        states.reserveCapacity(plan.entries.count * stateCount)
        self.gradients.reserveCapacity(plan.entries.count)
        for (index, entry) in plan.entries.enumerated() {
            let parameter = entry.parameter
            let gradient = gradients[entry.gradient]
            precondition(
                gradient.shape == parameter.shape,
                "optimizer: \(entry.key) has shape \(parameter.shape), its gradient \(gradient.shape)")
            let dtype: DType = parameter.dtype == .float64 ? .float64 : .float32
            let dense = (gradient.dtype == dtype ? gradient : gradient.asType(dtype)).contiguous()
            self.gradients.append(dense)
            let address: UnsafeMutableRawPointer
            if parameter.dtype == dtype {
                address = parameter.withValue { $0.mutableAddress }
            } else {
                widened[index] = parameter.value.asType(.float32)
                address = widened[index]!.mutableAddress
            }
            let gradientAddress = dense.withUnsafeBytes { $0.baseAddress! }
            pointers.append(
                Pointers(parameter: address, gradient: gradientAddress, isDouble: dtype == .float64))
            for slot in entry.state.tensors.indices {
                states.append(entry.state.tensors[slot].mutableAddress)
            }
        }
    }

    /// Calls `body` for each piece, on several threads.
    func forEachChunk(_ body: (UpdateChunk, UpdateSettings) -> Void) {
        states.withUnsafeBufferPointer { states in
            // An optimiser without state has no array to point into.
            let base = states.baseAddress ?? UnsafePointer(bitPattern: 8)!
            plan.pieces.forEach { index, piece in
                let chunk = UpdateChunk(
                    index, piece, pointers[piece.array], base + piece.array * stateCount)
                body(chunk, settings[piece.array])
            }
        }
    }

    /// Rounds parameters of half width back.
    func finish() {
        for (index, value) in widened {
            let parameter = plan.entries[index].parameter
            parameter.value = value.asType(parameter.dtype)
        }
    }
}

extension Tensor {
    /// The address of a float32 or float64 tensor's elements, made dense and its own first; valid while it lives.
    var mutableAddress: UnsafeMutableRawPointer {
        mutating get {
            if dtype == .float64 {
                return withUnsafeMutableBuffer(of: Double.self) { UnsafeMutableRawPointer($0.baseAddress!) }
            }
            return withUnsafeMutableBuffer(of: Float.self) { UnsafeMutableRawPointer($0.baseAddress!) }
        }
    }
}

extension mercer_optimizer_settings {
    init(_ s: UpdateSettings) {
        self.init()
        learning_rate = s.learningRate
        weight_decay = s.weightDecay
        gradient_scale = s.gradientScale
    }
}
