import MercerNN
import Testing

import MercerImage

@Suite struct PlateauScheduleTests {
    @Test func theRateFallsByPyTorchsRules() {
        // ReduceLROnPlateau(factor 0.1, patience 1, threshold 0.01, cooldown 1, min_lr 0.01), rate 1.
        let schedule = PlateauSchedule(
            1, minimum: 0.01, threshold: 0.01, patience: 1, cooldown: 1, epoch: 5, TrainingOptions(epochs: 1))
        let means = [5, 4, 3.99, 4.1, 4, 4.2, 4.1, 4, 4, 4, 1, 4]
        let expected = [1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]
        for count in 0...means.count {
            let rate = schedule.rate(after: means.prefix(count))
            #expect(abs(rate - expected[count]) < 1e-12, "after \(count) epochs")
        }
    }

    @Test func improvementsKeepTheRate() {
        let schedule = PlateauSchedule(
            0.1, minimum: 0.001, threshold: 0.01, epoch: 1, TrainingOptions(epochs: 1))
        #expect(schedule.rate(after: [3, 2, 1.5, 1]) == 0.1)
        #expect(abs(schedule.rate(after: [3, 2, 1.99]) - 0.01) < 1e-15)
        #expect(abs(schedule.rate(after: [3, 3, 3, 3, 3]) - 0.001) < 1e-15)
    }
}
