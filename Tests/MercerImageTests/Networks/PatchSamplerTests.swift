import Foundation
import Mercer
import MercerImage
import MercerImageIO
import Testing

@Suite struct PatchSamplerTests {
    private static let noise = Random.randInt(0..<256, [40, 50, 3], key: RandomKey(1)).asType(.uint8)

    @Test func aKeyGivesItsPatch() {
        let sampler = PatchSampler([Self.noise], size: 12, count: 100)
        let first = sampler.example(0, key: RandomKey(7))[0]
        #expect(first.shape == [12, 12, 3] && first.dtype == .uint8)
        #expect(first.toArray(UInt8.self) == sampler.example(5, key: RandomKey(7))[0].toArray(UInt8.self))
        #expect(first.toArray(UInt8.self) != sampler.example(0, key: RandomKey(8))[0].toArray(UInt8.self))
    }

    @Test func skyIsDrawnAnew() {
        let flat = Tensor.full([40, 50, 3], 90).asType(.uint8)
        let sampler = PatchSampler([flat, Self.noise], size: 16, count: 50)
        for i in 0..<50 {
            #expect(PatchSampler.deviation(sampler.example(i, key: RandomKey(2)[i])[0]) >= 3)
        }
    }

    /// Alignment 4 in a picture whose samples tell their place.
    @Test func patchesBeginAtMultiples() {
        let picture = Tensor([64, 64, 1], of: UInt8.self) { out in
            for i in 0..<out.count { out[i] = UInt8((i / 64) % 4 * 50 + (i % 64) % 4 * 3) }
        }
        let sampler = PatchSampler([picture], size: 8, count: 9, alignment: 4, symmetries: false)
        for i in 0..<9 { #expect(sampler.example(i, key: RandomKey(3)[i])[0][0, 0, 0].doubleValue == 0) }
    }

    @Test func eightSymmetriesDiffer() {
        let patch = Self.noise[0..<5, 0..<5, 0...]
        let all = Set((0..<8).map { PatchSampler.turned(patch, $0).toArray(UInt8.self) })
        #expect(all.count == 8)
        let sorted = Set(all.map { $0.sorted() })
        #expect(sorted.count == 1)
    }

    @Test func foldersWithoutLargePicturesAreNamed() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Bitmap(pixels: Self.noise, hasAlpha: false).write(to: folder.appending(path: "a.png").path)
        try Data("no picture".utf8).write(to: folder.appending(path: "b.png"))
        let found = try TrainingPictures(folder: folder.path, atLeast: 40)
        #expect(found.pictures.count == 1 && found.leftOut.count == 1)
        #expect(throws: TrainingPicturesError.nothing(folder: folder.path, side: 41, leftOut: 2)) {
            try TrainingPictures(folder: folder.path, atLeast: 41)
        }
    }
}
