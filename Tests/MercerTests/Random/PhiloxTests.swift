import Mercer
import Testing

@Suite struct PhiloxTests {
    @Test func knownAnswersOfTheRandom123LibraryAgree() {
        // Random123 1.14, tests/kat_vectors, philox4x32 10.
        let vectors: [(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>)] = [
            (
                SIMD4(0, 0, 0, 0), SIMD2(0, 0),
                SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
            ),
            (
                SIMD4(repeating: 0xffff_ffff), SIMD2(repeating: 0xffff_ffff),
                SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
            ),
            (
                SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2(0xa409_3822, 0x299f_31d0),
                SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
            ),
        ]
        for v in vectors { #expect(Philox.block(counter: v.counter, key: v.key) == v.expected) }
    }

    @Test func fillsAreTheBlocksOfThePlainFunction() {
        let seed: UInt64 = 0x1234_5678_9abc_def0
        let words = Random.bits([200], key: RandomKey(seed)).toArray(UInt32.self)
        let key = SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
        for (i, word) in words.enumerated() {
            // Word w of block b of a group of 16 lies at 16·w + b.
            let block = UInt32(i / 64 * 16 + i % 16)
            #expect(word == Philox.block(counter: SIMD4(block, 0, 0, 0), key: key)[i % 64 / 16])
        }
    }

    @Test func derivedKeysDiffer() {
        let key = RandomKey(1)
        let keys = key.split(100) + (0..<100).map { key[$0] } + [key, key[0][1], key[1][0], RandomKey(2)]
        #expect(Set(keys).count == keys.count)
        #expect(key.split(2) == Array(key.split(5).prefix(2)) && key[7] == key.fold(in: 7))
        #expect(key[-1] != key[1])
    }

    /// A sum over the bits, in order.
    private func fingerprint(_ x: Tensor) -> UInt64 {
        x.withUnsafeBytes { bytes in
            bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        }
    }

    private func draws(_ key: RandomKey) -> [Tensor] {
        [DType.float32, .float64].flatMap { dtype in
            [
                Random.uniform(-1..<3, [40_001], dtype: dtype, key: key),
                Random.normal([40_001], dtype: dtype, loc: 1, scale: 2, key: key),
                Random.exponential([40_001], dtype: dtype, rate: 2, key: key),
                Random.laplace([40_001], dtype: dtype, key: key),
                Random.gumbel([40_001], dtype: dtype, key: key),
                Random.truncatedNormal(-1...2, [40_001], dtype: dtype, key: key),
                Random.gamma(0.4, [5_001], dtype: dtype, key: key),
                Random.beta(0.2, 3, [5_001], dtype: dtype, key: key),
            ]
        } + [
            Random.randInt(-5..<1000, [40_001], key: key), Random.bernoulli(0.3, [40_001], key: key),
            Random.categorical(Tensor([0, 1, -1] as [Float]), count: 5000, key: key),
        ]
    }

    @Test func sameBitsForAnyNumberOfThreads() {
        let one = Parallel.withThreads(1) { draws(RandomKey(9)).map(fingerprint) }
        let three = Parallel.withThreads(3) { draws(RandomKey(9)).map(fingerprint) }
        #expect(one == three)
    }

    @Test func sameBitsOnEveryInstructionSet() {
        // Written down once; the suite is run with MERCER_ISA=baseline, avx2 and avx512.
        let expected: [UInt64] = [
            0xce119753f8f7b38c, 0xdeff5b81caa6e10c, 0x873a51646d3e6495, 0xb714d1b4c685c535,
            0xe92e82b4fc4d4a78, 0x28e58bfe7cf9421a, 0x54cbb5ef61829e93, 0x8dd44274083fb750,
            0x350c165583b70931, 0xe662436e23c36fc6, 0x640d9a96de03ba6d, 0xf7762642abd6cc49,
            0xe9b11bafec19c49d, 0xdb3935bfedd9d6c5, 0xe23e322ae24ebb92, 0xa4431524fad97d39,
            0xcb946becc17f6a1e, 0x58617d15c0d430ca, 0x0450b5d9be089324,
        ]
        #expect(draws(RandomKey(9)).map(fingerprint) == expected)
    }

    @Test func shorterTensorsAreTheBeginningOfLongerOnes() {
        let long = Random.normal([1000], key: RandomKey(3)).toArray(Float.self)
        for n in [1, 31, 64, 65, 999] {
            #expect(Random.normal([n], key: RandomKey(3)).toArray(Float.self) == Array(long.prefix(n)))
        }
    }
}
