/// Rules that work on each row by itself, at sizes of the two Transformers.
module Hybrid.Bench.Rows

open Hybrid.Rules
open TorchSharp

let private softmax rows columns =
    let shape = [ rows; columns ]

    Rule.bothWays
        "softmax"
        (Goal.goal 1.25 1.5)
        [ Rule.operand "x" 4.0 shape ]
        (Some(Rule.operand "dy" 1.0 shape))
        (fun inputs -> inputs[0].Softmax())
        (fun inputs -> torch.nn.functional.softmax (inputs[0], -1L))

let private layerNorm rows features =
    let shape = [ rows; features ]
    let eps = 1e-5

    Rule.bothWays
        "LayerNorm"
        (Goal.goal 1.5 2.0)
        [ Rule.operand "x" 2.0 shape; Rule.operand "gain" 2.0 [ features ]; Rule.operand "bias" 1.0 [ features ] ]
        (Some(Rule.operand "dy" 1.0 shape))
        (fun inputs -> inputs[0].LayerNorm(inputs[1], inputs[2], eps))
        (fun inputs -> torch.nn.functional.layer_norm (inputs[0], [| int64 features |], inputs[1], inputs[2], eps))

let private crossEntropy rows classes smoothing =
    let targets = Inputs.ids "targets" 0 classes rows
    // Made when it is first needed: a process that measures our side alone must not load libtorch.
    let torchTargets = lazy (Torch.ids [ rows ] targets).DetachFromDisposeScope()

    Rule.bothWays
        (if smoothing > 0.0 then $"cross-entropy (smoothing {smoothing})" else "cross-entropy")
        (Goal.goal 3.0 4.0)
        [ Rule.operand "logits" 4.0 [ rows; classes ] ]
        None
        (fun inputs -> inputs[0].CrossEntropy(targets, smoothing = smoothing))
        (fun inputs -> torch.nn.functional.cross_entropy (inputs[0], torchTargets.Value, label_smoothing = smoothing))

let all =
    [
        // Weights of attention, [batch · heads · queries, keys], and a square of some width.
        softmax 6144 24
        softmax 4096 32
        softmax 512 512
        layerNorm 1536 128
        layerNorm 512 512
        for smoothing in [ 0.1; 0.0 ] do
            crossEntropy 1536 64 smoothing
            crossEntropy 512 8000 smoothing
    ]
