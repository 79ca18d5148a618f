import Foundation

/// A learning rate, or another number, as a function of the step, counted from 0.
///
/// A schedule has no state, so training that resumes at a step goes on with the right value.
///
/// ```swift
/// let schedule = Schedule.cosine(1e-3, steps: 10_000).warmedUp(steps: 500)
/// optimizer.learningRate = schedule(step)
/// ```
public struct Schedule: Sendable {
    private let value: @Sendable (Double) -> Double

    /// A schedule of your own. The argument is the step; a whole number but where schedules are stretched.
    public init(_ value: @escaping @Sendable (_ step: Double) -> Double) { self.value = value }

    /// The value at a step.
    public func callAsFunction(_ step: Int) -> Double { value(Double(step)) }

    // MARK: Shapes

    /// Always the same.
    public static func constant(_ value: Double) -> Schedule { Schedule { _ in value } }

    /// Multiplied by `factor` every `size` steps (`StepLR`).
    public static func step(_ start: Double, size: Int, factor: Double = 0.1) -> Schedule {
        precondition(size > 0, "Schedule.step: a size of \(size)")
        return Schedule { start * pow(factor, ($0 / Double(size)).rounded(.down)) }
    }

    /// Multiplied by `factor` at each of the milestones (`MultiStepLR`).
    public static func multiStep(_ start: Double, milestones: [Int], factor: Double = 0.1) -> Schedule {
        Schedule { step in
            start * pow(factor, Double(milestones.count { Double($0) <= step }))
        }
    }

    /// Multiplied by `factor` at each step (`ExponentialLR`).
    public static func exponential(_ start: Double, factor: Double) -> Schedule {
        Schedule { start * pow(factor, $0) }
    }

    /// Half a cosine from `start` to `minimum` in `steps` steps, then `minimum`. (`CosineAnnealingLR` up to
    /// `steps`; beyond, PyTorch's rises again.)
    public static func cosine(_ start: Double, steps: Int, minimum: Double = 0) -> Schedule {
        precondition(steps > 0, "Schedule.cosine: \(steps) steps")
        return Schedule { step in
            let t = min(step, Double(steps)) / Double(steps)
            return minimum + (start - minimum) * (1 + cos(.pi * t)) / 2
        }
    }

    /// Cosines of rising length, each from `start` to `minimum` (`CosineAnnealingWarmRestarts`; Loshchilov & Hutter
    /// 2017): the first `steps` long, each next one `stretch` times the one before.
    public static func cosineRestarts(
        _ start: Double, steps: Int, stretch: Int = 1, minimum: Double = 0
    ) -> Schedule {
        precondition(steps > 0 && stretch > 0, "Schedule.cosineRestarts: \(steps) steps, stretch \(stretch)")
        return Schedule { step in
            var (begin, length) = (0.0, Double(steps))
            if stretch == 1 {
                begin = (step / length).rounded(.down) * length
            } else {
                while step >= begin + length {
                    begin += length
                    length *= Double(stretch)
                }
            }
            return minimum + (start - minimum) * (1 + cos(.pi * (step - begin) / length)) / 2
        }
    }

    /// Straight from `start` to `end` in `steps` steps, then `end` (`LinearLR`).
    public static func linear(from start: Double, to end: Double, steps: Int) -> Schedule {
        precondition(steps > 0, "Schedule.linear: \(steps) steps")
        return Schedule { start + (end - start) * min($0, Double(steps)) / Double(steps) }
    }

    /// start (1 - t/steps)^power, then 0 (`PolynomialLR`); with `minimum` that much of it remains.
    public static func polynomial(
        _ start: Double, steps: Int, power: Double = 1, minimum: Double = 0
    ) -> Schedule {
        precondition(steps > 0, "Schedule.polynomial: \(steps) steps")
        return Schedule { step in
            minimum + (start - minimum) * pow(1 - min(step, Double(steps)) / Double(steps), power)
        }
    }

    /// Proportional to 1/√step, after a straight rise to `peak` in `warmUp` steps (Vaswani et al. 2017).
    public static func inverseSquareRoot(_ peak: Double, warmUp: Int) -> Schedule {
        precondition(warmUp > 0, "Schedule.inverseSquareRoot: a warm-up of \(warmUp) steps")
        return Schedule { step in
            let t = step + 1
            return peak * min(t / Double(warmUp), (Double(warmUp) / t).squareRoot())
        }
    }

    /// Up from peak/`startDivisor` to `peak` and down to that start divided by `endDivisor` (`OneCycleLR`; Smith &
    /// Topin 2018).
    ///
    /// - Parameters:
    ///   - steps: of the whole cycle; the last one is `steps - 1`.
    ///   - rise: the part of it that goes up.
    public static func oneCycle(
        _ peak: Double, steps: Int, rise: Double = 0.3, anneal: Anneal = .cosine,
        startDivisor: Double = 25, endDivisor: Double = 1e4
    ) -> Schedule {
        let top = rise * Double(steps) - 1
        let last = Double(steps - 1)
        precondition(top > 0 && top < last, "Schedule.oneCycle: \(steps) steps, \(rise) of them rising")
        let start = peak / startDivisor
        return Schedule { step in
            step <= top
                ? anneal(start, peak, step / top)
                : anneal(peak, start / endDivisor, min(1, (step - top) / (last - top)))
        }
    }

    /// How a one-cycle schedule goes from one value to another.
    public enum Anneal: Sendable {
        case cosine
        case linear

        func callAsFunction(_ start: Double, _ end: Double, _ t: Double) -> Double {
            switch self {
            case .cosine: end + (start - end) / 2 * (1 + cos(.pi * t))
            case .linear: start + (end - start) * t
            }
        }
    }

    // MARK: Combinations

    /// This schedule after a straight rise of `steps` steps from `from` times its first value; it starts when the
    /// rise ends.
    public func warmedUp(steps: Int, from factor: Double = 0) -> Schedule {
        if steps <= 0 { return self }
        let first = value(0)
        return .sequence([(.linear(from: factor * first, to: first, steps: steps), steps)], then: self)
    }

    /// Schedules one after the other, each for its number of steps and counted from its own start (`SequentialLR`).
    public static func sequence(_ parts: [(schedule: Schedule, steps: Int)], then last: Schedule) -> Schedule {
        Schedule { step in
            var rest = step
            for (schedule, steps) in parts {
                if rest < Double(steps) { return schedule.value(rest) }
                rest -= Double(steps)
            }
            return last.value(rest)
        }
    }

    /// The product of two schedules (`ChainedScheduler`, where one starts at 1).
    public static func * (a: Schedule, b: Schedule) -> Schedule { Schedule { a.value($0) * b.value($0) } }

    /// A schedule times a number.
    public static func * (factor: Double, schedule: Schedule) -> Schedule {
        Schedule { factor * schedule.value($0) }
    }
}
