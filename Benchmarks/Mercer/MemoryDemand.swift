import Foundation
import Mercer

/// What this process has asked of the system's memory since its start.
struct MemoryDemand {
    /// How often the tensors' allocator went to the system.
    let allocations: Int
    /// Pages that were touched for the first time.
    let pageFaults: Int

    static var now: MemoryDemand {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return MemoryDemand(allocations: Memory.systemAllocations, pageFaults: Int(usage.ru_minflt))
    }

    static func - (a: MemoryDemand, b: MemoryDemand) -> MemoryDemand {
        MemoryDemand(allocations: a.allocations - b.allocations, pageFaults: a.pageFaults - b.pageFaults)
    }
}
