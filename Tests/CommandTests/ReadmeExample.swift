import Mercer

/// The example of the README, compiled; `ReadmeTests` compares the texts and runs it.
func readmeExample() -> Tensor {
    // README begins
    let x = Random.normal([256, 8], key: RandomKey(1))
    let truth = Random.normal([8, 1], key: RandomKey(2))
    let y = matmul(x, truth)

    var w = Tensor.zeros([8, 1])
    for _ in 0..<200 {
        let (_, gradient) = valueAndGrad { w in square(matmul(x, w) - y).mean() }(w)
        w = w - 0.1 * gradient
    }
    let error = abs(w - truth).max()
    // README ends
    return error
}
