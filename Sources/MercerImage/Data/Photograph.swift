import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// A real photograph that a Debian package carries, as the image papers use it.
public struct Photograph: Hashable, Sendable {
    public let name: String
    public let file: DataFile
    /// The whole factor by which means are taken; nil for 2 where the longer side has 2000 pixels or more.
    public let reduction: Int?
    /// The SHA-256 of the prepared bytes begins so; nil where it isn't known.
    public let digest: String?

    private init(
        _ name: String, _ package: DataPackage, _ path: String, _ sha256: String, reduction: Int? = nil,
        digest: String? = nil
    ) {
        self.name = name
        file = package.file(path, sha256: sha256)
        self.reduction = reduction
        self.digest = digest
    }

    /// The samples `[height, width, 3]` (1 for grey pictures), uint8: decoded, without alpha, reduced.
    ///
    /// - Throws: ``DataError`` where the package can't be had or the file differs, ``ImageError``.
    public func pixels(
        from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> Tensor {
        let url = try await cache.url(of: file, note: note)
        var picture = try Bitmap(contentsOf: url.path)
        if picture.hasAlpha {
            picture = Bitmap(pixels: picture.pixels[0..., 0..., 0..<(picture.channels - 1)], hasAlpha: false)
        }
        let longer = max(picture.width, picture.height)
        return Self.reduced(picture.pixels, by: reduction ?? (longer >= 2000 ? 2 : 1))
    }

    /// Means over k×k pixels, cropped to whole ones at the top left, rounded half up.
    public static func reduced(_ pixels: Tensor, by k: Int) -> Tensor {
        if k == 1 { return pixels }
        let (h, w) = (pixels.shape[0] / k * k, pixels.shape[1] / k * k)
        return Resample.apply(
            vertical: .reduction(length: h, factor: k), horizontal: .reduction(length: w, factor: k),
            to: pixels[0..<h, 0..<w, 0...].contiguous())
    }
}

extension Photograph {
    private static let lomiriPackage = DataPackage.debian("lomiri-wallpapers-16.04", "20.04.0-2")
    private static let matePackage = DataPackage.debian("mate-backgrounds", "1.26.0-1")
    private static let lxqtPackage = DataPackage.debian("lxqt-themes", "1.2.0-1")
    private static let plasmaPackage = DataPackage.debian("plasma-workspace-wallpapers", "4:5.27.5-2")
    /// Pictures of scikit-image, among them `truncated.jpg`, a broken file.
    public static let skimagePackage = DataPackage.debian("python3-skimage", "0.19.3-8")

    private static func lomiri(
        _ name: String, _ sha: String, reduction: Int? = nil, digest: String? = nil
    ) -> Photograph {
        Photograph(
            name, lomiriPackage, "usr/share/backgrounds/\(name).jpg", sha, reduction: reduction,
            digest: digest)
    }
    private static func mate(_ name: String, _ sha: String) -> Photograph {
        Photograph(name, matePackage, "usr/share/backgrounds/mate/nature/\(name).jpg", sha)
    }
    private static func lxqt(_ name: String, _ sha: String) -> Photograph {
        Photograph(name, lxqtPackage, "usr/share/lxqt/wallpapers/\(name)", sha)
    }
    private static func plasma(
        _ name: String, _ sha: String, reduction: Int? = nil, digest: String? = nil
    ) -> Photograph {
        Photograph(
            name, plasmaPackage, "usr/share/wallpapers/\(name)/contents/images/2560x1600.jpg", sha,
            reduction: reduction, digest: digest)
    }
    private static func skimage(_ name: String, _ sha: String, digest: String? = nil) -> Photograph {
        Photograph(
            name, skimagePackage, "usr/lib/python3/dist-packages/skimage/data/\(name)", sha, reduction: 1,
            digest: digest)
    }

    /// 24 photographs to train on.
    public static let train24: [Photograph] = [
        lomiri("Dragonfly_by_Bolly", "af5af1784100"),
        lomiri("sunset_by_Aitzol_Berasategi", "474dab6a4b9f"),
        lomiri("aitzgorri_by_Aitzol_Berasategi", "66268e7b48f8"),
        lomiri("Wine_by_Jakkub_Mede", "d2e96e6d4da4"),
        lomiri("seeding_by_Clements_Engelhardt", "a5634d1ab5e4"),
        lomiri("free_by_Peter_Nerlich", "85a5453c2fed"),
        lomiri("greentock_by_Peter_Nerlich", "e7b20e2db9dc"),
        lomiri("Picture_1A_by_freespace", "89e86af38d04"),
        mate("Dune", "8a67c2cb0be8"), mate("GreenMeadow", "8fa0de0aa408"), mate("RainDrops", "3e4ea9671c28"),
        mate("TwoWings", "665e5abf8a53"), mate("Wood", "19c78500ac00"), mate("YellowFlower", "254da96256ac"),
        mate("Garden", "d3095ee09d42"), mate("Storm", "77ca53077831"),
        lxqt("fog.jpg", "a8235344ee6b"), lxqt("this-is-not-windows.jpg", "2d885e0438c0"),
        lxqt("flowers.png", "3a935d8be4d6"), lxqt("butterfly.png", "13175434d990"),
        plasma("EveningGlow", "586682dcb362"), plasma("OneStandsOut", "cb507baf1daf"),
        plasma("ColdRipple", "05bef6722fc0"), plasma("FallenLeaf", "95603a6560c7"),
    ]

    /// 3 photographs to choose settings by.
    public static let validation3: [Photograph] = [
        lomiri("Bridge_by_Sander_Klootwijk", "bd86b081f997"), mate("LadyBird", "e35a9a4126ef"),
        plasma("ColorfulCups", "6e0f3a72feb5"),
    ]

    /// 10 photographs to test on. Their pixels are cropped to multiples of 24 (``testPixels(from:note:)``).
    public static let test10: [Photograph] = [
        lomiri("life_by_Aitzol_Berasategi", "4c119350ead8", reduction: 4, digest: "208e7d2ce38b"),
        lomiri("picosdeeuropa_by_Aitzol_Berasategi", "414d0072b2f6", reduction: 4, digest: "2a43784ba32d"),
        lomiri("friends_by_Aitzol_Berasategi", "cc40e313c74e", reduction: 4, digest: "e74cc5e62502"),
        lomiri("Picture_0B_by_freespace", "c8c0ab18e48d", reduction: 4, digest: "72c74239b357"),
        plasma("Path", "7477457d7f17", reduction: 4, digest: "77645631da15"),
        plasma("BytheWater", "c272434ef39f", reduction: 4, digest: "deb32f803ea9"),
        skimage("astronaut.png", "88431cd9653c", digest: "b568c3f45d87"),
        skimage("coffee.png", "cc02f8ca188b", digest: "7f6d41888b3c"),
        skimage("chelsea.png", "596aa1e7cb87", digest: "17900d321ec9"),
        skimage("rocket.jpg", "c2dd0de7c538", digest: "aab59ecdd1fb"),
    ]

    /// 20 photographs that patches are taken from, in the order of the classes.
    public static let patches20: [Photograph] = [
        lomiri("aitzgorri_by_Aitzol_Berasategi", "66268e7b48f8"),
        lomiri("Bridge_by_Sander_Klootwijk", "bd86b081f997"),
        lomiri("Dragonfly_by_Bolly", "af5af1784100"),
        lomiri("friends_by_Aitzol_Berasategi", "cc40e313c74e"),
        lomiri("life_by_Aitzol_Berasategi", "4c119350ead8"),
        lomiri("picosdeeuropa_by_Aitzol_Berasategi", "414d0072b2f6"),
        lomiri("Picture_0B_by_freespace", "c8c0ab18e48d"),
        lomiri("seeding_by_Clements_Engelhardt", "a5634d1ab5e4"),
        lomiri("sunset_by_Aitzol_Berasategi", "474dab6a4b9f"),
        mate("Dune", "8a67c2cb0be8"), mate("GreenMeadow", "8fa0de0aa408"), mate("RainDrops", "3e4ea9671c28"),
        mate("Wood", "19c78500ac00"), lxqt("fog.jpg", "a8235344ee6b"),
        lxqt("this-is-not-windows.jpg", "2d885e0438c0"), plasma("EveningGlow", "586682dcb362"),
        plasma("BytheWater", "c272434ef39f"), plasma("Path", "7477457d7f17"),
        plasma("ColdRipple", "05bef6722fc0"), plasma("OneStandsOut", "cb507baf1daf"),
    ]

    /// 5 photographs to deblur: ``greySquare(from:note:)``.
    public static let grey5: [Photograph] = [
        skimage("camera.png", "b0793d2adda0"), skimage("coins.png", "f8d773fc9cfa"),
        skimage("astronaut.png", "88431cd9653c"), skimage("chelsea.png", "596aa1e7cb87"),
        lomiri("life_by_Aitzol_Berasategi", "4c119350ead8", reduction: 4),
    ]

    /// The middle 256×256 pixels in grey (Pillow's), `[256, 256, 1]`, uint8.
    public func greySquare(
        from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> Tensor {
        let grey = ImageMetrics.grey(try await pixels(from: cache, note: note))
        let (top, left) = ((grey.shape[0] - 256) / 2, (grey.shape[1] - 256) / 2)
        return grey[top..<(top + 256), left..<(left + 256), 0...].contiguous()
    }

    /// The pixels of a test photograph, cropped at the top left to multiples of 24.
    public func testPixels(
        from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> Tensor {
        let pixels = try await pixels(from: cache, note: note)
        return pixels[0..<(pixels.shape[0] / 24 * 24), 0..<(pixels.shape[1] / 24 * 24), 0...].contiguous()
    }
}
