import MercerKernelMethods
import Testing

@Suite struct SplitMix64Tests {
    @Test func firstNumberIsThePublishedOne() {
        #expect(SplitMix64.mix(0) == 0xe220_a839_7b1d_cdaf)
    }

    @Test func permutationsAreTheAgreedOnes() {
        #expect(SplitMix64.permutation(10, seed: 0) == [3, 5, 7, 4, 1, 2, 8, 9, 6, 0])
        #expect(SplitMix64.permutation(10, seed: 1) == [6, 1, 7, 5, 4, 9, 8, 3, 2, 0])
        #expect(SplitMix64.permutation(10, seed: 2) == [4, 7, 6, 9, 8, 2, 1, 5, 0, 3])
        #expect(Array(SplitMix64.permutation(506, seed: 0).prefix(4)) == [196, 472, 295, 320])
        #expect(Array(SplitMix64.permutation(5000, seed: 0).prefix(4)) == [558, 4440, 4522, 1048])
    }
}
