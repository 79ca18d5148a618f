import CKernels
import Foundation

/// The instruction sets that Mercer's kernels are compiled for. The widest that the processor has is taken at
/// start; `MERCER_ISA=baseline|avx2|avx512` asks for a narrower one (a wider one than the processor has is ignored).
public enum InstructionSet: Int, Sendable, CaseIterable, CustomStringConvertible {
    /// SSE2 on x86-64, NEON on aarch64.
    case baseline = 0
    case avx2 = 1
    case avx512 = 2

    /// What the processor and the operating system support.
    public static let supported = InstructionSet(rawValue: Int(mercer_isa_detect()))!

    /// What this process uses.
    public static let current: InstructionSet = {
        guard let name = ProcessInfo.processInfo.environment["MERCER_ISA"],
            let asked = allCases.first(where: { $0.description == name })
        else { return supported }
        return asked.rawValue <= supported.rawValue ? asked : supported
    }()

    public var description: String {
        switch self {
        case .baseline: "baseline"
        case .avx2: "avx2"
        case .avx512: "avx512"
        }
    }
}
