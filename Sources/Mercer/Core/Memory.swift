import Foundation
import Synchronization

/// Memory that tensors take: how much is in use, the peak, and what the caching allocator keeps for reuse.
///
/// Storage is 64-byte aligned and comes in size classes (eight a power of two); what is freed is kept for the next
/// request of its class, since fresh pages cost more than most operations. At most ``cacheLimit`` bytes are kept.
public enum Memory {
    /// Bytes in live tensors.
    public static var active: Int { Allocator.shared.read { $0.active } }
    /// The most bytes that were live at once since the start or ``resetPeak()``.
    public static var peak: Int { Allocator.shared.read { $0.peak } }
    /// Bytes that were freed and are kept for reuse.
    public static var cached: Int { Allocator.shared.read { $0.cached } }
    /// How often memory was taken from the system since the start. In steady state it stands still.
    public static var systemAllocations: Int { Allocator.shared.read { $0.systemAllocations } }

    /// Bytes that may be kept for reuse; the surplus goes back to the system at once. By default a quarter of the
    /// machine's memory.
    public static var cacheLimit: Int {
        get { Allocator.shared.read { $0.cacheLimit } }
        set { Allocator.shared.setCacheLimit(newValue) }
    }

    /// Sets the peak to what is live now.
    public static func resetPeak() { Allocator.shared.resetPeak() }

    /// Gives all kept memory back to the system.
    public static func clearCache() { Allocator.shared.trim(to: 0) }
}

/// The caching allocator behind ``Memory``. Thread-safe.
final class Allocator: Sendable {
    static let shared = Allocator()

    struct State: ~Copyable {
        var active = 0
        var peak = 0
        var cached = 0
        var systemAllocations = 0
        var cacheLimit = Int(min(ProcessInfo.processInfo.physicalMemory / 4, UInt64(Int.max)))
        /// Addresses of the kept blocks of each size class.
        var bins = [[UInt]](repeating: [], count: SizeClass.count)
    }

    private let state = Mutex(State())

    /// Memory of at least `bytes` bytes, not initialised, and the index of its size class.
    func allocate(_ bytes: Int) -> (UnsafeMutableRawPointer, Int) {
        let (index, capacity) = SizeClass.of(bytes)
        let reused: UInt? = state.withLock { state in
            state.active += capacity
            if state.active > state.peak { state.peak = state.active }
            if let block = state.bins[index].popLast() {
                state.cached -= capacity
                return block
            }
            state.systemAllocations += 1
            return nil
        }
        if let reused { return (UnsafeMutableRawPointer(bitPattern: reused)!, index) }
        guard let fresh = Self.take(capacity) else {
            fatalError("Mercer: no memory for a tensor of \(bytes) bytes")
        }
        return (fresh, index)
    }

    private static let hugePage = 2 << 20

    /// Memory from the system. Large blocks ask for huge pages: a thousandth of the page faults when they are new, and
    /// reading them goes up to half as fast again, since the processor's prefetching stops at the end of a page.
    private static func take(_ capacity: Int) -> UnsafeMutableRawPointer? {
        if capacity < 2 * hugePage { return aligned_alloc(64, capacity) }
        guard let block = aligned_alloc(hugePage, capacity) else { return nil }
        // A system without them says no, and all is as with small pages.
        _ = madvise(block, capacity, MADV_HUGEPAGE)
        return block
    }

    func free(_ block: UnsafeMutableRawPointer, _ index: Int) {
        let capacity = SizeClass.capacity(index)
        let address = UInt(bitPattern: block)
        let kept = state.withLock { state in
            state.active -= capacity
            guard state.cached + capacity <= state.cacheLimit else { return false }
            state.bins[index].append(address)
            state.cached += capacity
            return true
        }
        if !kept { Foundation.free(block) }
    }

    func read(_ value: (inout State) -> Int) -> Int { state.withLock { value(&$0) } }

    func resetPeak() { state.withLock { $0.peak = $0.active } }

    func setCacheLimit(_ limit: Int) {
        state.withLock { $0.cacheLimit = max(0, limit) }
        trim(to: limit)
    }

    /// Frees kept blocks, largest first, until no more than `limit` bytes are kept.
    func trim(to limit: Int) {
        state.withLock { state in
            for index in stride(from: SizeClass.count - 1, through: 0, by: -1) {
                while state.cached > limit, let block = state.bins[index].popLast() {
                    state.cached -= SizeClass.capacity(index)
                    Foundation.free(UnsafeMutableRawPointer(bitPattern: block))
                }
            }
        }
    }

    /// Sizes 64·(8 + j)·2^e / 8: at most an eighth of a block is waste.
    enum SizeClass {
        static let count = 8 * 50

        static func of(_ bytes: Int) -> (index: Int, capacity: Int) {
            let units = max(1, (bytes + 63) / 64)
            if units <= 8 { return (units - 1, units * 64) }
            let exponent = Int.bitWidth - 1 - (units - 1).leadingZeroBitCount - 3
            let step = 1 << exponent
            let mantissa = (units + step - 1) / step
            let index = 8 * exponent + mantissa - 1
            return (index, capacity(index))
        }

        static func capacity(_ index: Int) -> Int {
            if index < 8 { return (index + 1) * 64 }
            let exponent = (index - 8) / 8
            return ((index - 8) % 8 + 9) * 64 << exponent
        }
    }
}
