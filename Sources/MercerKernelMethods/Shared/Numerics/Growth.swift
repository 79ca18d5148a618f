import Foundation
import MercerPapers

/// How the time of a job grows with its size: the exponent of a power law through several sizes.
struct Growth {
    let sizes: [Int]
    let seconds: [Double]

    /// The fastest of three runs at each size.
    init(_ sizes: [Int], _ job: (Int) throws -> Void) rethrows {
        precondition(sizes.count >= 3, "Growth: \(sizes.count) sizes, three or more are needed")
        self.sizes = sizes
        seconds = try sizes.map { size in
            try (0..<3).map { _ in
                let start = ContinuousClock.now
                try job(size)
                return (ContinuousClock.now - start) / .seconds(1)
            }.min()!
        }
    }

    /// The slope of log time against log size, by least squares.
    var exponent: Double {
        let (x, y) = (sizes.map { log(Double($0)) }, seconds.map { log($0) })
        let (a, b) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
        let products = zip(x, y).reduce(0) { $0 + ($1.0 - a) * ($1.1 - b) }
        return products / x.reduce(0) { $0 + ($1 - a) * ($1 - a) }
    }

    /// Sizes and times, with the exponent in the title.
    func table(_ title: String, size: String) -> Table {
        Table(
            "\(title): exponent \(Format.fixed(exponent, decimals: 2))", columns: [size, "seconds"],
            rows: zip(sizes, seconds).map { [.number(Double($0)), .number($1)] })
    }
}
