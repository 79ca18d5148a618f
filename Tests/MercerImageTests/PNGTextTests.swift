import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct PNGTextTests {
    private func png() throws -> [UInt8] {
        try Bitmap(pixels: Random.randInt(0..<256, [5, 7, 3], key: RandomKey(1)).asType(.uint8)).encoded(as: .png)
    }

    @Test func textsAreReadBackAndPixelsStay() throws {
        let plain = try png()
        #expect(PNGText.texts(in: plain)["Size"] == nil)
        let marked = PNGText.setting(["Size": "300x200", "Größe": "ü"], in: plain)
        #expect(PNGText.texts(in: marked)["Size"] == "300x200")
        #expect(PNGText.texts(in: marked)["Größe"] == "ü")
        let read = try Bitmap(bytes: Data(marked))
        #expect(read.pixels.toArray(UInt8.self) == (try Bitmap(bytes: Data(plain))).pixels.toArray(UInt8.self))
    }

    @Test func aTextReplacesTheOneOfItsKeyword() throws {
        let once = PNGText.setting(["Size": "1x1"], in: try png())
        let twice = PNGText.setting(["Size": "2x2"], in: once)
        #expect(twice.count == once.count)
        #expect(PNGText.texts(in: twice)["Size"] == "2x2")
    }

    @Test func damagedAndCutChunksAreNotBelieved() throws {
        let marked = PNGText.setting(["Size": "300x200"], in: try png())
        let place = try #require((0..<(marked.count - 7)).first { Array(marked[$0..<($0 + 7)]) == Array("300x200".utf8) })
        var damaged = marked
        damaged[place] = UInt8(ascii: "9")
        #expect(PNGText.texts(in: damaged)["Size"] == nil)
        #expect(PNGText.texts(in: marked[..<(place + 3)])["Size"] == nil)
        #expect(PNGText.texts(in: [1, 2, 3]).isEmpty)
    }

    @Test func theChecksumIsThatOfTheStandard() throws {
        // The end chunk's checksum is known: AE 42 60 82.
        #expect(Array("IEND".utf8).withUnsafeBytes { CRC32.of($0) } == 0xae42_6082)
    }
}
