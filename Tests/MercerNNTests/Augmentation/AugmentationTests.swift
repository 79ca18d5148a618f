import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct AugmentationTests {
    private let image = Random.uniform(0..<1, [24, 32, 3], key: RandomKey(1))

    private func same(_ a: Tensor, _ b: Tensor) -> Bool {
        a.shape == b.shape && a.toArray(Float.self) == b.toArray(Float.self)
    }

    private let all: [any Augmentation] = [
        RandomHorizontalFlip(), RandomVerticalFlip(), CenterCrop([20, 20]), RandomCrop([16, 20], padding: 4),
        RandomResizedCrop([12, 18]), RandomGrayscale(0.5), RandomErasing(0.9, filling: .noise),
        ColorJitter(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1), RandAugment(operations: 3),
    ]

    @Test func theKeyDecidesEverything() {
        for augmentation in all {
            for seed in 0..<6 as Range<UInt64> {
                let (a, b) = (
                    augmentation(image, key: RandomKey(seed)), augmentation(image, key: RandomKey(seed))
                )
                #expect(same(a, b))
            }
        }
        let first = all.applied(to: image, key: RandomKey(1))
        #expect(same(first, all.applied(to: image, key: RandomKey(1))))
        #expect(!same(first, all.applied(to: image, key: RandomKey(2))))
    }

    @Test func coloursStayInTheirRange() {
        let jitter = ColorJitter(brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5)
        for seed in 0..<20 as Range<UInt64> {
            for result in [
                jitter(image, key: RandomKey(seed)), RandAugment(magnitude: 30)(image, key: RandomKey(seed)),
            ] {
                #expect(result.shape == image.shape)
                #expect(result.min().item(Float.self) >= 0 && result.max().item(Float.self) <= 1)
            }
        }
    }

    @Test func flipsMirrorWithTheirProbability() {
        #expect(same(RandomHorizontalFlip(1)(image, key: RandomKey(0)), image.flipped(axes: [1])))
        #expect(same(RandomVerticalFlip(0)(image, key: RandomKey(0)), image))
        let flips = (0..<400).count { seed in
            !same(RandomHorizontalFlip(0.25)(image, key: RandomKey(7)[seed]), image)
        }
        #expect(abs(flips - 100) < 35)
    }

    @Test func cropsAreParts() {
        #expect(same(CenterCrop([10, 12])(image, key: RandomKey(0)), image[7..<17, 10..<22]))
        #expect(CenterCrop([40, 40])(image, key: RandomKey(0)).shape == [40, 40, 3])
        let places = Tensor((0..<768).map(Float.init), [24, 32, 1])
        for seed in 0..<20 {
            let crop = RandomCrop([5, 6])(places, key: RandomKey(3)[seed])
            let first = Int(crop[0, 0, 0].item(Float.self))
            #expect(same(crop, places[(first / 32)..<(first / 32 + 5), (first % 32)..<(first % 32 + 6)]))
        }
    }

    @Test func hueTurnsAWholeCircleAndSwapsChannels() {
        // A third of a turn moves red to green to blue.
        let red = Tensor([1, 0.25, 0] as [Float], [1, 1, 3])
        var seen = Set<String>()
        for seed in 0..<50 {
            let turned = ColorJitter(hue: 0.5)(red, key: RandomKey(5)[seed])
            #expect(abs(turned.max().item(Float.self) - 1) < 1e-6 && turned.min().item(Float.self) < 1e-6)
            let values = turned.toArray(Float.self)
            seen.insert("\(values.firstIndex(of: values.max()!)!)")
        }
        #expect(seen == ["0", "1", "2"])
    }

    @Test func erasingTakesARectangle() {
        let ones = Tensor.ones([20, 30, 3])
        for seed in 0..<20 {
            let erased = RandomErasing(1, scale: 0.1...0.2)(ones, key: RandomKey(2)[seed])
            let part = 1 - erased.mean().item(Float.self)
            #expect(part > 0.07 && part < 0.24)
        }
    }

    @Test func normalizeUsesTheChannelsNumbers() {
        let result = Normalize(mean: [0, 0.5, 1], std: [1, 2, 4])(Tensor.ones([1, 1, 3]), key: RandomKey(0))
        #expect(result.toArray(Float.self) == [1, 0.25, 0])
    }

    @Test func mixUpMixesPicturesAndLabelsAlike() {
        let images = Tensor([0, 1] as [Float], [2, 1, 1, 1])
        let labels = Tensor([0, 1] as [Int64])
        for seed in 0..<10 {
            let mixed = Mixing(mixUp: 1, classes: 2).batch([images, labels], key: RandomKey(1)[seed])
            #expect(
                allClose(mixed[0].reshaped([2]), mixed[1][0..., 1], rtol: 1e-5, atol: 1e-6))
            #expect(allClose(mixed[1].sum(axes: [1]), Tensor.ones([2])))
        }
    }

    @Test func cutMixSharesLabelsByArea() {
        let images = concatenated([Tensor.zeros([1, 16, 16, 1]), Tensor.ones([1, 16, 16, 1])])
        for seed in 0..<10 {
            let mixed = Mixing(cutMix: 1, classes: 2).batch(
                [images, Tensor([0, 1] as [Int64])], key: RandomKey(2)[seed])
            #expect(allClose(mixed[0].mean(axes: [1, 2, 3]), mixed[1][0..., 1], rtol: 1e-5, atol: 1e-6))
        }
    }

    @Test func smoothedLabelsShareAmongAllClasses() {
        let mixed = Mixing(p: 0, classes: 4, smoothing: 0.2).batch(
            [Tensor.zeros([1, 2, 2, 1]), Tensor([2] as [Int64])], key: RandomKey(0))
        #expect(allClose(mixed[1], Tensor([0.05, 0.05, 0.85, 0.05] as [Float], [1, 4])))
    }
}
