import Mercer

// A whitening in the file of a classifier: two tensors, `whitening.mean` `[d]` and `whitening.map` `[reduced, d]`.

extension PublicWhitening {
    /// The arrays by their names in a file.
    var tensors: [String: Tensor] {
        ["whitening.mean": Tensor(mean), "whitening.map": Tensor(map, [reduced, mean.count])]
    }

    /// The whitening of a file, nil where it has none.
    ///
    /// - Parameter dimension: columns of the rows that it is applied to.
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for arrays that don't belong together.
    static func read(_ file: Safetensors, _ path: String, dimension: Int) throws -> PublicWhitening? {
        guard file.names.contains("whitening.map") else { return nil }
        let (map, mean) = (
            try file.tensor("whitening.map", copied: true), try file.tensor("whitening.mean", copied: true)
        )
        guard map.dtype == .float64, mean.dtype == .float64, map.rank == 2, map.shape[1] == dimension,
            mean.shape == [dimension]
        else {
            throw KernelMethodError.file(
                path,
                reason: "its whitening is \(map.dtype) of shape \(map.shape), mean \(mean.shape), but float64 of "
                    + "\(dimension) columns is expected")
        }
        return PublicWhitening(
            mean: mean.toArray(Double.self), map: map.toArray(Double.self), reduced: map.shape[0])
    }
}
