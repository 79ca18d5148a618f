/// How many inputs reach one output of a layer, and the other way round: what Kaiming and Xavier initialisation
/// scale by.
public struct Fans: Sendable, Equatable {
    public var input: Int
    public var output: Int

    public init(input: Int, output: Int) {
        self.input = input
        self.output = output
    }

    /// Fans of a weight `[output, spatial…, input]`, as of linear layers and convolutions.
    public init(_ shape: [Int]) {
        let spatial = shape.dropFirst().dropLast().reduce(1, *)
        input = (shape.count > 1 ? shape.last! : shape.first ?? 1) * spatial
        output = (shape.first ?? 1) * spatial
    }
}
