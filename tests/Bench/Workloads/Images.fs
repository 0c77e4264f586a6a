/// Rules of convolutional networks beside convolution itself, at sizes of ResNet-20 on images of 28x28 pixels. The goals are our own.
module Hybrid.Bench.Images

open Hybrid.Rules
open TorchSharp

let private goal = Goal.goal 1.0 2.0
let private eps = 1e-5

let private batchNorm rectified shape =
    let channels = List.last shape

    Rule.imagesBothWays
        (if rectified then "batch norm+ReLU" else "batch norm")
        goal
        [ Rule.operand "x" 2.0 shape; Rule.operand "gain" 2.0 [ channels ]; Rule.operand "bias" 1.0 [ channels ] ]
        (Some(Rule.operand "dy" 1.0 shape))
        (fun inputs ->
            let struct (y, _, _) =
                if rectified then
                    inputs[0].BatchNormRelu(inputs[1], inputs[2], eps)
                else
                    inputs[0].BatchNorm(inputs[1], inputs[2], eps)

            y)
        (fun inputs ->
            let y = torch.nn.functional.batch_norm (inputs[0], null, null, inputs[1], inputs[2], true, 0.1, eps)
            if rectified then y.relu_ () else y)

let private maxPool batch extent channels =
    let halved = (extent + 1) / 2

    Rule.imagesBothWays
        "max pool 3x3, stride 2"
        goal
        [ Rule.operand "x" 2.0 [ batch; extent; extent; channels ] ]
        (Some(Rule.operand "dy" 1.0 [ batch; halved; halved; channels ]))
        (fun inputs -> inputs[0].MaxPool2d(3, 2, 1))
        (fun inputs -> torch.nn.functional.max_pool2d (inputs[0], 3L, 2L, 1L))

let all =
    [
        for rectified in [ false; true ] do
            batchNorm rectified [ 64; 28; 28; 16 ]
            batchNorm rectified [ 64; 14; 14; 32 ]
            batchNorm rectified [ 64; 7; 7; 64 ]
        batchNorm false [ 64; 32 ]
        maxPool 64 28 16
    ]
