import MercerNN
import Testing

@Suite struct ScheduleTests {
    struct Recorded: Decodable {
        let name: String
        let options: FixtureOptions
        let values: [Double]
    }

    private func made(_ given: Recorded) -> Schedule? {
        let o = given.options
        func integer(_ key: String) -> Int { Int(o.number(key)) }
        switch given.name {
        case "StepLR": return .step(0.5, size: integer("step_size"), factor: o.number("gamma"))
        case "MultiStepLR":
            return .multiStep(
                0.5, milestones: o.numbers("milestones", []).map { Int($0) }, factor: o.number("gamma"))
        case "ExponentialLR": return .exponential(0.5, factor: o.number("gamma"))
        case "CosineAnnealingLR":
            return .cosine(0.5, steps: integer("T_max"), minimum: o.number("eta_min"))
        case "CosineAnnealingWarmRestarts":
            return .cosineRestarts(
                0.5, steps: integer("T_0"), stretch: integer("T_mult"), minimum: o.number("eta_min"))
        case "PolynomialLR":
            return .polynomial(0.5, steps: integer("total_iters"), power: o.number("power"))
        case "LinearLR":
            return .linear(
                from: 0.5 * o.number("start_factor"), to: 0.5 * o.number("end_factor"),
                steps: integer("total_iters"))
        case "OneCycleLR":
            return .oneCycle(
                o.number("max_lr"), steps: integer("total_steps"), rise: o.number("pct_start", 0.3),
                anneal: o.text("anneal_strategy") == "linear" ? .linear : .cosine)
        default: return nil
        }
    }

    @Test func valuesAreThoseOfPyTorch() throws {
        for given in try Fixture.read("schedules.json", as: [Recorded].self) {
            let schedule = try #require(made(given), "no schedule \(given.name)")
            for (step, value) in given.values.enumerated() {
                #expect(abs(schedule(step) - value) < 1e-12, "\(given.name) at step \(step)")
            }
        }
    }

    @Test func warmUpRisesThenHandsOver() {
        let schedule = Schedule.step(1, size: 10, factor: 0.5).warmedUp(steps: 4)
        #expect((0..<6).map { schedule($0) } == [0, 0.25, 0.5, 0.75, 1, 1])
        #expect(schedule(14) == 0.5)
    }

    @Test func sequencesCountFromTheirOwnStart() {
        let schedule = Schedule.sequence(
            [(.constant(3), 2), (.linear(from: 0, to: 4, steps: 4), 4)], then: .constant(7))
        #expect((0..<8).map { schedule($0) } == [3, 3, 0, 1, 2, 3, 7, 7])
        #expect((2 * (Schedule.constant(3) * .constant(5)))(0) == 30)
    }

    @Test func inverseSquareRootPeaksAtTheEndOfItsRise() {
        let schedule = Schedule.inverseSquareRoot(2, warmUp: 4)
        #expect(schedule(0) == 0.5)
        #expect(schedule(3) == 2)
        #expect(schedule(15) == 1)
    }
}
