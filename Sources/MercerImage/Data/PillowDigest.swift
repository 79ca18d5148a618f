import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// What Pillow 13.0 makes of real photographs: digests of its bytes, to compare with.
public struct PillowDigest: Sendable {
    public let file: DataFile
    public let method: ResampleMethod
    public let width: Int
    public let height: Int
    /// The first digits of the SHA-256 of Pillow's bytes.
    public let digest: String

    private init(
        _ name: String, _ sha256: String, _ method: ResampleMethod, _ width: Int, _ height: Int,
        _ digest: String
    ) {
        file = Photograph.skimagePackage.file(
            "usr/lib/python3/dist-packages/skimage/data/\(name)", sha256: sha256)
        self.method = method
        self.width = width
        self.height = height
        self.digest = digest
    }

    /// Whether Mercer makes the same bytes.
    ///
    /// - Throws: ``DataError``, ``ImageError``.
    public func agrees(from cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws
        -> Bool
    {
        let picture = try Bitmap(contentsOf: try await cache.url(of: file, note: note).path)
        let result = Resample.resize(picture.pixels, to: (height, width), .pillow(method))
        return result.withUnsafeBytes { SHA256.hexadecimal(of: Data($0)) }.hasPrefix(digest)
    }

    public static let all: [PillowDigest] = [
        PillowDigest("astronaut.png", "88431cd9653c", .bilinear, 171, 97, "67b25686d7fc"),
        PillowDigest("astronaut.png", "88431cd9653c", .bilinear, 640, 701, "6ee91dec722b"),
        PillowDigest("astronaut.png", "88431cd9653c", .hamming, 171, 97, "30161d2460ad"),
        PillowDigest("astronaut.png", "88431cd9653c", .hamming, 640, 701, "f09c668747b5"),
        PillowDigest("astronaut.png", "88431cd9653c", .bicubic, 171, 97, "c76cec84d8f3"),
        PillowDigest("astronaut.png", "88431cd9653c", .bicubic, 640, 701, "ce7abf6a6859"),
        PillowDigest("astronaut.png", "88431cd9653c", .lanczos3, 171, 97, "94d4f0c67b72"),
        PillowDigest("astronaut.png", "88431cd9653c", .lanczos3, 640, 701, "0eddb0127fc8"),
        PillowDigest("astronaut.png", "88431cd9653c", .box, 171, 97, "159d98d5ebea"),
        PillowDigest("astronaut.png", "88431cd9653c", .box, 640, 701, "630059f9bcca"),
        PillowDigest("coffee.png", "cc02f8ca188b", .bilinear, 171, 97, "60f5bc1c5bd0"),
        PillowDigest("coffee.png", "cc02f8ca188b", .bilinear, 640, 701, "4306b2144254"),
        PillowDigest("coffee.png", "cc02f8ca188b", .hamming, 171, 97, "76ca81920ddb"),
        PillowDigest("coffee.png", "cc02f8ca188b", .hamming, 640, 701, "b73b7484b656"),
        PillowDigest("coffee.png", "cc02f8ca188b", .bicubic, 171, 97, "a2c6592a1efb"),
        PillowDigest("coffee.png", "cc02f8ca188b", .bicubic, 640, 701, "b4801152d330"),
        PillowDigest("coffee.png", "cc02f8ca188b", .lanczos3, 171, 97, "01e516c0549e"),
        PillowDigest("coffee.png", "cc02f8ca188b", .lanczos3, 640, 701, "f1f44dda7f11"),
        PillowDigest("coffee.png", "cc02f8ca188b", .box, 171, 97, "4dfbbb6b624e"),
        PillowDigest("coffee.png", "cc02f8ca188b", .box, 640, 701, "b5fa7701d6c2"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .bilinear, 171, 97, "06c4cecb3cc3"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .bilinear, 640, 701, "8ab0f610330e"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .hamming, 171, 97, "ffa0de329202"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .hamming, 640, 701, "a7cdde97aed2"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .bicubic, 171, 97, "b6644e03d2df"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .bicubic, 640, 701, "fe945f44c265"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .lanczos3, 171, 97, "02e6e775b46f"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .lanczos3, 640, 701, "13914dc0ae9c"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .box, 171, 97, "693164e78a53"),
        PillowDigest("chelsea.png", "596aa1e7cb87", .box, 640, 701, "7b4512ee6c3e"),
        PillowDigest("camera.png", "b0793d2adda0", .bilinear, 171, 97, "f58df407171a"),
        PillowDigest("camera.png", "b0793d2adda0", .bilinear, 640, 701, "d32d946e47eb"),
        PillowDigest("camera.png", "b0793d2adda0", .hamming, 171, 97, "84a10cb28dd0"),
        PillowDigest("camera.png", "b0793d2adda0", .hamming, 640, 701, "cf58182c43f0"),
        PillowDigest("camera.png", "b0793d2adda0", .bicubic, 171, 97, "b524512c7d18"),
        PillowDigest("camera.png", "b0793d2adda0", .bicubic, 640, 701, "9d372ed090de"),
        PillowDigest("camera.png", "b0793d2adda0", .lanczos3, 171, 97, "e93187774daf"),
        PillowDigest("camera.png", "b0793d2adda0", .lanczos3, 640, 701, "c4013c084c2c"),
        PillowDigest("camera.png", "b0793d2adda0", .box, 171, 97, "438559ea8182"),
        PillowDigest("camera.png", "b0793d2adda0", .box, 640, 701, "9ab533437095"),
    ]
}
