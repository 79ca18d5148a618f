import MercerPapers
import Testing

@Suite struct FormatTests {
    @Test(arguments: [
        (0.0, "0"), (4, "4"), (-4, "−4"), (0.1723, "0.1723"), (53.9000001, "53.9"), (1234.567, "1235"),
        (0.00001234, "1.234e-05"), (12_345_678.9, "1.235e+07"), (.infinity, "∞"), (.nan, "NaN"), (0.5, "0.5"),
    ])
    func numbersHaveFourDigitsAndNoTrailingZeros(_ value: Double, _ text: String) {
        #expect(Format.number(value) == text)
    }

    @Test(arguments: [
        (0.0000042, "4.2 µs"), (0.0841, "84.1 ms"), (3.2, "3.2 s"), (245, "4 min 05 s"), (7380, "2 h 03 min"),
    ])
    func durationsAreReadable(_ seconds: Double, _ text: String) {
        #expect(Format.duration(seconds) == text)
    }

    @Test func bytesAreReadable() {
        #expect(Format.bytes(512) == "512 B")
        #expect(Format.bytes(16_800_000_000) == "16.8 GB")
    }

    @Test func fixedDecimalsHaveNoNegativeZero() {
        #expect(Format.fixed(-0.001, decimals: 1) == "0.0")
        #expect(Format.fixed(-0.16, decimals: 1) == "−0.2")
    }
}
