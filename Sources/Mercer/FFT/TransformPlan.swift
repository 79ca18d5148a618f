import Foundation
import Synchronization

/// How transforms of one length are computed: Stockham passes of radix 8, 4, 2, 3, 5, 7 and odd primes up to
/// 61; lengths with a larger prime factor as a convolution (L. I. Bluestein, 1970).
final class TransformPlan<R: TransformNumber>: @unchecked Sendable {
    let n: Int
    /// Rows of the blocks that ``execute(_:_:)`` works on.
    let rows: Int
    private var passes: [(radix: Int, m: Int, twiddles: UnsafeMutablePointer<R>, roots: UnsafeMutablePointer<R>)] = []
    private var convolution: (plan: TransformPlan<R>, chirp: Block<R>, spectrum: Block<R>)?

    private static var largestRadix: Int { 61 }

    init(_ n: Int) {
        self.n = n
        let factors = Self.factors(n)
        guard (factors.max() ?? 1) <= Self.largestRadix else {
            // x[j]·c[j] convolved with conj(c), c[j] = exp(-πi·j²/n), at a length of small factors.
            let inner = TransformPlan(Self.smoothLength(atLeast: 2 * n - 1))
            rows = inner.n
            let chirp = Self.table(n)
            for j in 0..<n {
                let angle = .pi * Double((j * j) % (2 * n)) / Double(n)
                chirp.re[j] = R(cos(angle))
                chirp.im[j] = R(-sin(angle))
            }
            let spectrum = inner.convolutionSpectrum(chirp, n)
            convolution = (inner, chirp, spectrum)
            return
        }
        rows = n
        var rest = n
        for radix in factors {
            let m = rest / radix
            let twiddles = UnsafeMutablePointer<R>.allocate(capacity: max(1, m * (radix - 1) * 2))
            for p in 0..<m {
                for k in 1..<radix {
                    let (c, s) = Self.root(p * k, rest)
                    twiddles[(p * (radix - 1) + k - 1) * 2] = R(c)
                    twiddles[(p * (radix - 1) + k - 1) * 2 + 1] = R(-s)
                }
            }
            let roots = UnsafeMutablePointer<R>.allocate(capacity: 2 * radix)
            for j in 0..<radix {
                let (c, s) = Self.root(j, radix)
                roots[2 * j] = R(c)
                roots[2 * j + 1] = R(s)
            }
            passes.append((radix, m, twiddles, roots))
            rest = m
        }
    }

    deinit {
        for pass in passes {
            pass.twiddles.deallocate()
            pass.roots.deallocate()
        }
        if let convolution {
            for block in [convolution.chirp, convolution.spectrum] {
                block.re.deallocate()
                block.im.deallocate()
            }
        }
    }

    /// Transforms a block, using another for room. Returns the one that holds the result.
    func execute(_ x: Block<R>, _ room: Block<R>) -> Block<R> {
        guard let (plan, chirp, spectrum) = convolution else {
            var (from, to, width) = (x, room, R.lanes)
            for pass in passes {
                R.pass(pass.radix, pass.m, width, from, to, pass.twiddles, pass.roots)
                width *= pass.radix
                (from, to) = (to, from)
            }
            return from
        }
        let (count, m) = (R.lanes, plan.n)
        R.multiplyRows(n, x, chirp, x)
        for part in [x.re, x.im] { (part + n * count).update(repeating: 0, count: (m - n) * count) }
        let forward = plan.execute(x, room)
        let other = forward.re == x.re ? room : x
        R.multiplyRows(m, forward, spectrum, forward)
        let back = plan.execute(forward.exchanged, other.exchanged).exchanged
        R.multiplyRows(n, back, chirp, back)
        return back
    }

    /// exp(πi·j²/n) around 0, periodic, transformed and divided by the length: what the rows are multiplied
    /// with.
    private func convolutionSpectrum(_ chirp: Block<R>, _ length: Int) -> Block<R> {
        let size = rows * R.lanes
        let storage = UnsafeMutablePointer<R>.allocate(capacity: 4 * size)
        defer { storage.deallocate() }
        storage.update(repeating: 0, count: 4 * size)
        let x = Block(re: storage, im: storage + size)
        for j in 0..<length {
            for row in Set([j, (n - j) % n]) {
                x.re[row * R.lanes] = chirp.re[j]
                x.im[row * R.lanes] = -chirp.im[j]
            }
        }
        let y = execute(x, Block(re: storage + 2 * size, im: storage + 3 * size))
        let result = Self.table(n)
        for k in 0..<n {
            result.re[k] = y.re[k * R.lanes] / R(n)
            result.im[k] = y.im[k * R.lanes] / R(n)
        }
        return result
    }

    private static func table(_ n: Int) -> Block<R> {
        Block(re: .allocate(capacity: max(1, n)), im: .allocate(capacity: max(1, n)))
    }

    /// cos and sin of 2π·k/n, exact at the eighths.
    static func root(_ k: Int, _ n: Int) -> (Double, Double) {
        let eighths = 8 * (k % n)
        let octant = eighths / n
        let rest = Double(eighths - octant * n) / Double(n) * (.pi / 4)
        let (c, s) = (cos(rest), sin(rest))
        let h = 0.5.squareRoot()
        let odd = octant % 2 == 1
        let (a, b) = odd ? (h * (c - s), h * (c + s)) : (c, s)
        return switch octant / 2 {
        case 0: (a, b)
        case 1: (-b, a)
        case 2: (-a, -b)
        default: (b, -a)
        }
    }

    /// The radices of the passes: eights first, fours to make up the power of two, then odd primes.
    private static func factors(_ n: Int) -> [Int] {
        var rest = n
        let twos = n > 0 ? n.trailingZeroBitCount : 0
        var result: [Int]
        switch twos % 3 {
        case 0: result = [Int](repeating: 8, count: twos / 3)
        case 1 where twos >= 4: result = [Int](repeating: 8, count: (twos - 4) / 3) + [4, 4]
        case 1: result = [2]
        default: result = [Int](repeating: 8, count: (twos - 2) / 3) + [4]
        }
        rest >>= twos
        var p = 3
        while p * p <= rest {
            while rest % p == 0 {
                result.append(p)
                rest /= p
            }
            p += 2
        }
        if rest > 1 { result.append(rest) }
        return result
    }

    private static func smoothLength(atLeast n: Int) -> Int {
        var best = Int.max
        var fives = 1
        while fives < best {
            var threes = fives
            while threes < best {
                var m = threes
                while m < n { m *= 2 }
                best = min(best, m)
                threes *= 3
            }
            fives *= 5
        }
        return best
    }
}

/// Plans that were made, by length.
final class PlanCache<R: TransformNumber>: Sendable {
    private let plans = Mutex<[Int: TransformPlan<R>]>([:])

    func plan(_ n: Int) -> TransformPlan<R> {
        if let plan = plans.withLock({ $0[n] }) { return plan }
        let plan = TransformPlan<R>(n)
        plans.withLock {
            if $0.count >= 64 { $0.removeAll() }
            $0[n] = plan
        }
        return plan
    }
}

/// Memory for blocks of `rows` rows from the caching allocator, for the time of a call.
func withBlocks<R: TransformNumber>(_ count: Int, rows: Int, _ type: R.Type, _ body: ([Block<R>]) -> Void) {
    // A few lines between the parts, since they would otherwise fall on the same lines of the cache.
    let size = rows * R.lanes + 4 * R.lanes
    let (memory, sizeClass) = Allocator.shared.allocate(2 * count * size * MemoryLayout<R>.size)
    defer { Allocator.shared.free(memory, sizeClass) }
    let base = memory.assumingMemoryBound(to: R.self)
    body((0..<count).map { Block(re: base + 2 * $0 * size, im: base + (2 * $0 + 1) * size) })
}
