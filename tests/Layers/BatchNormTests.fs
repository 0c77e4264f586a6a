module Hybrid.Tests.Layers.BatchNormTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private apply (layer: BatchNorm<float>) training (x: Tensor<float>) =
    let tape = usedTape ()
    use _ = mode training tape
    layer.Apply(tape.Input x).Value.ToPersistent()

let private columnsOf (x: Tensor<float>) = Array.transpose (rowsOf x)

let private unbiased (column: float[]) =
    let mean = Array.average column
    Array.sumBy (fun value -> (value - mean) ** 2.0) column / float (column.Length - 1)

[<Tests>]
let tests =
    testList
        "Layers.BatchNorm"
        [
            testCase "has a gain of 1 and a bias of 0 to train, and statistics that are not trained" (fun () ->
                let layer = BatchNorm<float>(3)

                Expect.equal
                    [ for p in layer.Parameters -> p.Name, floats p.Value ]
                    [ "gain", [| 1.0; 1.0; 1.0 |]; "bias", [| 0.0; 0.0; 0.0 |] ]
                    "parameters"

                Expect.equal
                    [ for Named(name, value) in layer.Buffers -> name, floats value ]
                    [ "mean", [| 0.0; 0.0; 0.0 |]; "variance", [| 1.0; 1.0; 1.0 |] ]
                    "statistics"

                Expect.equal layer.ParameterCount 6L "count")

            property 20 "running statistics follow each batch's mean and unbiased variance" (fun sizes ->
                let rows, channels, momentum = sizes.Rows + 1, sizes.Columns, 0.05 + 0.95 * sizes.Random.NextUniform()
                let layer = BatchNorm<float>(channels, 1e-5, momentum)
                let mutable mean, variance = Array.create channels 0.0, Array.create channels 1.0

                for _ in 1..4 do
                    let x = mapTensor (fun x -> 3.0 * x + 2.0) (normal sizes.Random [ rows; channels ])
                    apply layer true x |> ignore

                    let follow old batch =
                        Array.map2 (fun old batch -> (1.0 - momentum) * old + momentum * batch) old batch

                    mean <- follow mean (columnsOf x |> Array.map Array.average)
                    variance <- follow variance (columnsOf x |> Array.map unbiased)
                    expectClose 1e-12 (floats layer.Mean.Value) mean "mean"
                    expectClose 1e-12 (floats layer.Variance.Value) variance "variance"

                covers [ "BN-9"; "BN-10" ])

            testCase "a step of training changes both statistics for all that was computed from them" (fun () ->
                for statistic in [ 0; 1 ] do
                    let layer = BatchNorm<float>(2)
                    let (Named(_, value)) = layer.Buffers[statistic]
                    let tape = Tape<float>()
                    let y = tape.Input(tensor [ 1; 2 ] [ 3.0; 4.0 ]) * tape.Constant value
                    apply layer true (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 5.0 ]) |> ignore

                    refuses<InvalidOperationException, _> [ "'constant' [2] was changed after 'Multiply'" ] (fun () ->
                        tape.Backward(y, tensor [ 1; 2 ] [ 1.0; 1.0 ])))

            property 15 "inference leaves the statistics as they are, and no row knows of another" (fun sizes ->
                let layer = BatchNorm<float>(sizes.Columns)
                apply layer true (normal sizes.Random [ 9; sizes.Columns ]) |> ignore
                let before = floats layer.Mean.Value, floats layer.Variance.Value
                let x = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y = apply layer false x
                Expect.equal (floats layer.Mean.Value, floats layer.Variance.Value) before "statistics"

                for i in 0 .. sizes.Rows - 1 do
                    Expect.equal (floats (apply layer false (rowAt i x))) (row i y) "row")

            property 15 "with the rectifier it is the layer and the rectifier, statistics included" (fun sizes ->
                let x = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let along = normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]

                let run training (f: BatchNorm<float> -> Variable<float> -> Variable<float>) =
                    let layer, random = BatchNorm<float>(sizes.Columns), RandomStream 4UL

                    for parameter in layer.Parameters do
                        for i in 0 .. parameter.Value.Length - 1 do
                            parameter.Value.Span[i] <- random.NextNormal()

                    let y, dx =
                        runAlong along [ x ] (fun tape x ->
                            use _ = mode training tape
                            f layer x[0])


                    [
                        floats y
                        floats dx[0]
                        floats layer.Gain.Gradient
                        floats layer.Bias.Gradient
                        floats layer.Mean.Value
                        floats layer.Variance.Value
                    ]

                for training in [ true; false ] do
                    let together = run training (fun layer x -> layer.ApplyRelu x)
                    let apart = run training (fun layer x -> layer.Apply(x).Relu())
                    Expect.equal together apart $"training {training}")

            testCase "trained long enough on one distribution, inference is like training" (fun () ->
                let layer, random = BatchNorm<float>(2), RandomStream 3UL
                let draw () = mapTensor (fun x -> 5.0 * x - 7.0) (normal random [ 2000; 2 ])

                for _ in 1..200 do
                    apply layer true (draw ()) |> ignore

                let y = apply layer false (draw ())

                for column in columnsOf y do
                    expectNear 0.1 (Array.average column) 0.0 "mean"
                    expectNear 0.1 (unbiased column) 1.0 "variance")

            testCase
                "the gradient of inference is that of its own statistics, even if they move before it is taken"
                (fun () ->
                    let random = RandomStream 6UL
                    let layer, x, along = BatchNorm<float>(2), normal random [ 5; 2 ], normal random [ 5; 2 ]

                    let gradients moves =
                        layer.Mean.Value.Span.Clear()
                        layer.Variance.Value.Span.Fill 1.0
                        Seq.iter (fun (parameter: Parameter<float>) -> parameter.ZeroGradient()) layer.Parameters
                        let tape = Tape<float>()
                        let input = tape.Input x
                        let y = layer.ApplyRelu input

                        if moves then
                            use _ = tape.Training()
                            layer.Apply(tape.Input(normal random [ 9; 2 ])) |> ignore

                        tape.Backward(y, along)
                        floats (gradientOf input), floats layer.Gain.Gradient, floats layer.Bias.Gradient

                    Expect.equal (gradients true) (gradients false) "gradients")

            testCase "a batch of one row moves the running mean, and leaves the running variance as it is" (fun () ->
                let layer = BatchNorm<float>(2, 1e-5, 0.5)
                Expect.equal (floats (apply layer true (tensor [ 1; 2 ] [ 4.0; -2.0 ]))) [| 0.0; 0.0 |] "y"
                Expect.equal (floats layer.Mean.Value) [| 2.0; -1.0 |] "mean"
                Expect.equal (floats layer.Variance.Value) [| 1.0; 1.0 |] "variance")

            testCase "NaN and infinities do not get into the running statistics, and are told of" (fun () ->
                for bad in [ nan; infinity; 1e200 ] do
                    let layer = BatchNorm<float>(2)
                    let tape = Tape<float>(training = true)
                    let x = tape.Input(tensor [ 2; 2 ] [ 1.0; bad; 2.0; 3.0 ])

                    for apply in [ (fun () -> layer.Apply x); (fun () -> layer.ApplyRelu x) ] do
                        refuses<NonFiniteException, _>
                            [ "BatchNorm ''"; "'input' [2, 2] is not finite"; "Lower the learning rate" ]
                            apply

                    Expect.equal
                        (floats layer.Mean.Value, floats layer.Variance.Value)
                        ([| 0.0; 0.0 |], [| 1.0; 1.0 |])
                        "statistics")

            testCase "settings that are none are refused, and so is what the rule refuses" (fun () ->
                for momentum in [ 0.0; -0.1; 1.1; nan ] do
                    refusesRange [ "must lie in (0, 1]" ] (fun () -> BatchNorm<float>(2, 1e-5, momentum))

                for eps in [ 0.0; -1.0; nan ] do
                    refusesRange [ "eps must be positive" ] (fun () -> BatchNorm<float>(2, eps))

                refusesRange [ "channels" ] (fun () -> BatchNorm<float>(0))
                let layer = BatchNorm<float>(2)

                refusesShape [ "gain must be [3], got [2]" ] (fun () -> apply layer true (zeros [ 4; 3 ]))

                refusesShape [ "gain must be [3], got [2]" ] (fun () -> apply layer false (zeros [ 4; 3 ]))

                refusesShape [ "at least one row" ] (fun () -> apply layer true (zeros [ 0; 2 ])))
        ]
