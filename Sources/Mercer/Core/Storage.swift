import Foundation

/// The bytes behind one or more tensors. Views share one storage; a writer copies unless it holds it alone.
public final class Storage: @unchecked Sendable {
    /// The first byte. Aligned to 64 bytes when it comes from Mercer's allocator.
    public let pointer: UnsafeMutableRawPointer
    /// Usable bytes.
    public let byteCount: Int
    private let origin: Origin

    private enum Origin {
        case allocator(sizeClass: Int)
        /// Memory of somebody else, who is told when it is no longer needed; never written to.
        case external(release: @Sendable () -> Void)
    }

    /// Uninitialised memory from the caching allocator.
    init(byteCount: Int) {
        let (pointer, sizeClass) = Allocator.shared.allocate(byteCount)
        self.pointer = pointer
        self.byteCount = byteCount
        origin = .allocator(sizeClass: sizeClass)
    }

    /// Borrows memory, a mapped file for instance. `release` is called once, when the last tensor lets go.
    public init(
        borrowing pointer: UnsafeMutableRawPointer, byteCount: Int, release: @escaping @Sendable () -> Void
    ) {
        self.pointer = pointer
        self.byteCount = byteCount
        origin = .external(release: release)
    }

    /// False for borrowed memory.
    var isWritable: Bool {
        if case .allocator = origin { true } else { false }
    }

    deinit {
        switch origin {
        case .allocator(let sizeClass): Allocator.shared.free(pointer, sizeClass)
        case .external(let release): release()
        }
    }
}
