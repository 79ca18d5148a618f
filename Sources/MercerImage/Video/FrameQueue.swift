import Foundation

/// Hands frames from one thread to another, a few at most: who is ahead waits.
final class FrameQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private let limit: Int
    private var frames: [[UInt8]] = []
    private var end: Result<Void, any Error>?
    private var isAbandoned = false

    init(limit: Int) { self.limit = limit }

    /// Adds a frame, once there is room. Says false where nobody wants any more.
    func put(_ frame: [UInt8]) -> Bool {
        condition.withLock {
            while frames.count >= limit && !isAbandoned { condition.wait() }
            if isAbandoned { return false }
            frames.append(frame)
            condition.broadcast()
            return true
        }
    }

    /// Says that no more frames come, and why.
    func finish(_ end: Result<Void, any Error>) {
        condition.withLock {
            if self.end == nil { self.end = end }
            condition.broadcast()
        }
    }

    /// The next frame; nil at the end. What ended the frames early is thrown after the last one.
    func take() throws -> [UInt8]? {
        try condition.withLock {
            while frames.isEmpty && end == nil && !isAbandoned { condition.wait() }
            if !frames.isEmpty && !isAbandoned {
                condition.broadcast()
                return frames.removeFirst()
            }
            try end?.get()
            return nil
        }
    }

    /// Says that no frame is wanted any more; whoever waits goes on.
    func abandon() {
        condition.withLock {
            isAbandoned = true
            condition.broadcast()
        }
    }
}
