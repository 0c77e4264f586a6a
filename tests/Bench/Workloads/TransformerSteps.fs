/// Whole training steps of Transformers, and the part of them that is not the optimizer's.
module Hybrid.Bench.TransformerSteps

let private step (size: TransformerSize) part withOptimizer goal =
    {
        Name = $"Transformer {size.Name}, {part}"
        Goal = goal
        // The losses of three steps without dropout, which the optimizer's work decides too.
        Tolerance = 1e-4
        IsStep = withOptimizer
        Ours = TransformerOurs.side size withOptimizer
        Torch = TransformerTorch.side size withOptimizer
    }

let all =
    let small, wide = TransformerSize.small, TransformerSize.wide

    [
        step small "whole step" true (Goal.goal 1.3 1.6)
        step small "forward+backward" false None
        step wide "whole step" true (Goal.goal 1.25 1.5)
        step wide "forward+backward" false (Goal.goal 1.05 1.2)
    ]
