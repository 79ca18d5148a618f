import Foundation

/// log Σ eˣ of numbers that come one by one, without overflow.
struct LogSumExp {
    private var largest = -Double.infinity
    private var sum = 0.0

    mutating func add(_ x: Double) {
        if x <= largest {
            if x > largest - 745 { sum += exp(x - largest) }
        } else if x > -.infinity {
            sum = sum * exp(largest - x) + 1
            largest = x
        }
    }

    /// Whether a term this large would change the sum's digits.
    func notices(_ x: Double) -> Bool { x > largest - 40 }

    var value: Double { sum > 0 ? largest + log(sum) : -.infinity }
}
