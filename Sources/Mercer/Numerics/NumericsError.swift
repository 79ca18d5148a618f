/// Why a numerical method gave up.
public enum NumericsError: Error, CustomStringConvertible, Equatable {
    /// A root was sought where the function has the same sign at both ends.
    case noSignChange(method: String, low: Double, atLow: Double, high: Double, atHigh: Double)
    /// The value is not a number.
    case notFinite(method: String, at: Double)
    /// The step of an integration became too small to move: the problem is stiff or singular there.
    case stepTooSmall(method: String, at: Double)
    /// The allowed number of steps was not enough.
    case tooManySteps(method: String, limit: Int, at: Double)

    public var description: String {
        switch self {
        case .noSignChange(let method, let low, let atLow, let high, let atHigh):
            "\(method): the function has values of one sign at both ends, \(atLow) at \(low) and \(atHigh) at \(high); give an interval across which it changes sign"
        case .notFinite(let method, let at): "\(method): the function is not finite at \(at)"
        case .stepTooSmall(let method, let at):
            "\(method): the step became too small at \(at); the problem is stiff or singular there"
        case .tooManySteps(let method, let limit, let at):
            "\(method): stopped at \(at) after \(limit) steps; allow more or ask for less accuracy"
        }
    }
}
