import Foundation
import Mercer

/// Enlarges the frames of a video: luma by a sub-pixel network, colour by the bicubic filter.
///
/// One thread reads, one writes, and the frames between are computed on all of them; two frames wait on each side at
/// most, so that a slow reader of a pipe slows everything before it and memory stays within a few frames.
public struct VideoEnlarger: Sendable {
    /// What came of a stream.
    public struct Outcome: Sendable {
        public let frames: Int
        public let seconds: Double
        /// Width and height before and after.
        public let before: [Int]
        public let after: [Int]
        /// Why the stream ended early; its whole frames are done.
        public let problem: VideoError?

        /// Frames a second, reading and writing included.
        public var rate: Double { seconds > 0 ? Double(frames) / seconds : 0 }
    }

    private let network: SubPixelEnlarger
    public var scale: Int { network.scale }

    /// - Parameter network: of one channel.
    public init(_ network: SubPixelEnlarger) {
        precondition(network.channels == 1, "VideoEnlarger: a network of \(network.channels) channels")
        self.network = network
    }

    /// A frame `scale` times larger: its planes one after the other.
    public func enlarged(_ frame: [UInt8], _ header: Y4MHeader) -> [UInt8] {
        precondition(frame.count == header.frameBytes, "VideoEnlarger: a frame of \(frame.count) bytes")
        let planes = header.planes
        var target = header
        target.width *= scale
        target.height *= scale
        let goals = target.planes
        return [UInt8](unsafeUninitializedCapacity: target.frameBytes) { out, count in
            count = target.frameBytes
            frame.withUnsafeBufferPointer { source in
                var (from, to) = (source.baseAddress!, out.baseAddress!)
                for (index, (plane, goal)) in zip(planes, goals).enumerated() {
                    if index == 0 {
                        network.enlarge(from, height: plane.height, width: plane.width, to: to)
                    } else {
                        bicubic(from, plane, to: to, goal)
                    }
                    from += plane.height * plane.width
                    to += goal.height * goal.width
                }
            }
        }
    }

    private func bicubic(
        _ source: UnsafePointer<UInt8>, _ size: (height: Int, width: Int), to target: UnsafeMutablePointer<UInt8>,
        _ goal: (height: Int, width: Int)
    ) {
        func resampler(_ input: Int, _ output: Int) -> Resampler {
            Resampler(input: input, output: output, rule: .matlab(.bicubic), scale: 1 / Double(scale))
        }
        let resampling = SeparableResampling(
            [(resampler(size.height, goal.height), resampler(size.width, goal.width))], channels: 1)
        let address = UInt(bitPattern: target)
        resampling.forEachRow(
            of: PixelRows(source, height: size.height, width: size.width, channels: 1, .uint8)
        ) { row, parts in
            storePixels(
                parts[0], goal.width, to: UnsafeMutableRawPointer(bitPattern: address)! + row * goal.width, .uint8)
        }
    }

    /// Enlarges a stream to its end.
    ///
    /// - Parameters:
    ///   - output: is given the first line of the result and makes its writer.
    ///   - progress: told the number of frames that are done, and frames a second.
    /// - Throws: ``VideoError`` from the writer; what is wrong with the input ends up in the outcome. And
    ///   `CancellationError`.
    public func run(
        _ reader: Y4MReader, to output: (_ line: String) throws -> Y4MWriter,
        progress: (_ frames: Int, _ rate: Double) -> Void = { _, _ in }
    ) throws -> Outcome {
        let header = reader.header
        let (width, height) = (header.width * scale, header.height * scale)
        let writer = Handed(try output(header.line(width: width, height: height)))
        let source = Handed(reader)
        let (incoming, outgoing) = (FrameQueue(limit: 2), FrameQueue(limit: 2))
        let writing = Finish()
        Self.thread("mercer-video-read") {
            incoming.finish(
                Result {
                    while let frame = try source.value.next() { if !incoming.put(frame) { return } }
                })
        }
        Self.thread("mercer-video-write") {
            writing.finish(
                Result {
                    do {
                        while let frame = try outgoing.take() { try writer.value.write(frame: frame) }
                    } catch {
                        outgoing.abandon()
                        throw error
                    }
                })
        }
        let start = ContinuousClock.now
        var frames = 0
        var problem: VideoError?
        func seconds() -> Double { (ContinuousClock.now - start) / .seconds(1) }
        do {
            while let frame = try incoming.take() {
                try Task.checkCancellation()
                if !outgoing.put(enlarged(frame, header)) { break }
                frames += 1
                progress(frames, Double(frames) / seconds())
            }
        } catch let error as VideoError {
            problem = error
        } catch {
            incoming.abandon()
            outgoing.abandon()
            _ = writing.wait()
            throw error
        }
        incoming.abandon()
        outgoing.finish(.success(()))
        try writing.wait().get()
        return Outcome(
            frames: frames, seconds: seconds(), before: [header.width, header.height], after: [width, height],
            problem: problem)
    }

    private static func thread(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Something that one other thread alone uses.
    private final class Handed<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    /// The end of a thread.
    private final class Finish: @unchecked Sendable {
        private let condition = NSCondition()
        private var result: Result<Void, any Error>?

        func finish(_ result: Result<Void, any Error>) {
            condition.withLock {
                self.result = result
                condition.broadcast()
            }
        }

        func wait() -> Result<Void, any Error> {
            condition.withLock {
                while result == nil { condition.wait() }
                return result!
            }
        }
    }
}
