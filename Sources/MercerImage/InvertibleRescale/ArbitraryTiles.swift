import Mercer

/// IARN on large pictures: the resampling runs over the whole picture, the invertible net in tiles.
struct ArbitraryTiles {
    let network: ArbitraryRescaler
    /// The side of a core in pixels.
    let tile: Int

    init(_ network: ArbitraryRescaler, tile: Int) {
        self.network = network
        self.tile = tile
    }

    /// What the blocks see, at most 64 pixels for each Haar transform's cells.
    private var margin: Int {
        let cell = network.multiple
        return min(10 * network.configuration.blocks * cell, 64 * max(1, cell / 2))
    }

    private func tiles(_ sizes: ArbitraryRescaler.Sizes) -> PictureTiles {
        PictureTiles(sizes.large, tile: tile, margin: margin, alignment: network.multiple)
    }

    /// The encoding of a tile of the large picture.
    private func context(_ tile: PictureTile, _ whole: Tensor) -> Tensor {
        ScaleEncoding.averaged(
            whole[tile.rows, tile.columns, 0...].contiguous(), levels: network.configuration.haarLevels)
    }

    /// Sizes of the mirrored large picture, whose ratio to the small one stays as near as whole pixels allow.
    private func sizes(_ large: (height: Int, width: Int), _ small: (height: Int, width: Int)) -> ArbitraryRescaler.Sizes
    {
        let multiple = network.multiple
        func rounded(_ n: Int) -> Int { (n + multiple - 1) / multiple * multiple }
        return ArbitraryRescaler.Sizes((rounded(large.height), rounded(large.width)), to: small)
    }

    /// - Parameter x: `[height, width, 3]` in [0, 1].
    func reduced(_ x: Tensor, to size: (height: Int, width: Int)) throws -> Tensor {
        let whole = PictureRescaler.mirrored(x, to: network.multiple)
        let sizes = sizes((x.shape[0], x.shape[1]), size)
        let low =
            network.configuration.splits ? sizes.enlarged(sizes.reduced(whole)) : whole
        let encoding = network.configuration.encoding(sizes.large, to: sizes.small)
        var v = Tensor.zeros(whole.shape)
        for tile in tiles(sizes).tiles {
            try Task.checkCancellation()
            let first = low[tile.rows, tile.columns, 0...].contiguous().expandedDimensions(axis: 0)
            let part = whole[tile.rows, tile.columns, 0...].contiguous().expandedDimensions(axis: 0)
            let out = network.transform(Halves(first, part - first), context(tile, encoding)).first
            v[tile.targetRows, tile.targetColumns, 0...] = out[0, tile.innerRows, tile.innerColumns, 0...]
        }
        return Quantisation.straightThrough(sizes.reduced(v))
    }

    /// - Parameter y: `[height, width, 3]` in [0, 1].
    func enlarged(
        _ y: Tensor, to size: (height: Int, width: Int), temperature: Double, key: RandomKey?
    ) throws -> Tensor {
        let sizes = sizes(size, (y.shape[0], y.shape[1]))
        let v = sizes.enlarged(y)
        let encoding = network.configuration.encoding(sizes.large, to: sizes.small)
        let z =
            temperature > 0 ? key.map { Random.normal(v.shape, scale: temperature, key: $0) } : nil
        var x = Tensor.zeros(v.shape)
        for tile in tiles(sizes).tiles {
            try Task.checkCancellation()
            let first = v[tile.rows, tile.columns, 0...].contiguous().expandedDimensions(axis: 0)
            let second =
                z?[tile.rows, tile.columns, 0...].contiguous().expandedDimensions(axis: 0) ?? .zeros(first.shape)
            let out = network.restore(Halves(first, second), context(tile, encoding))
            let sum: Tensor = out.first + out.second
            x[tile.targetRows, tile.targetColumns, 0...] = sum[0, tile.innerRows, tile.innerColumns, 0...]
        }
        return x[0..<size.height, 0..<size.width, 0...].contiguous()
    }
}
