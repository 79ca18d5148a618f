import MercerImage

/// A network that `mercer resize --method` knows.
struct NetworkMethod: Sendable {
    let name: String
    /// Makes it for a size from what the command line says; `weights` nil means the bundled ones.
    let make: @Sendable (MethodOptions, PictureSize) throws -> any PictureNetwork

    /// Every network. One is added by one line here.
    static let all: [NetworkMethod] = []
}
