import CKernels

/// The kernels of the instruction set that this process uses, one table a family.
enum Kernels {
    static let gemm = select(mercer_gemm_table)
    static let depthwise = select(mercer_depthwise_table)
    static let attention = select(mercer_attention_table)
    static let pooling = select(mercer_pooling_table)
    static let winograd = select(mercer_winograd_table)

    private static func select<Table>(_ tables: (Table, Table, Table)) -> Table {
        switch InstructionSet.current {
        case .baseline: tables.0
        case .avx2: tables.1
        case .avx512: tables.2
        }
    }
}

/// Memory from the caching allocator for the time of a call.
@inline(__always)
func withScratch<R>(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> R) -> R {
    let (block, sizeClass) = Allocator.shared.allocate(max(count, 1) * MemoryLayout<Float>.size)
    defer { Allocator.shared.free(block, sizeClass) }
    return body(block.assumingMemoryBound(to: Float.self))
}
