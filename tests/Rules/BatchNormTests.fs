module Hybrid.Tests.Rules.BatchNormTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.NormalizationLaw

let private batchNorm eps _ (x: Variable<_>[]) =
    let struct (y, _, _) = x[0].BatchNorm(x[1], x[2], eps)
    y

let private batchNormRelu eps _ (x: Variable<_>[]) =
    let struct (y, _, _) = x[0].BatchNormRelu(x[1], x[2], eps)
    y

let private fixedBy mean variance eps (tape: Tape<_>) (x: Variable<_>[]) =
    x[0].BatchNormFixed(x[1], x[2], tape.Constant mean, tape.Constant variance, eps)

let private fixedRelu mean variance eps (tape: Tape<_>) (x: Variable<_>[]) =
    x[0].BatchNormReluFixed(x[1], x[2], tape.Constant mean, tape.Constant variance, eps)

let private kind: NormalizationLaw.Kind =
    {
        Name = "BatchNorm"
        Line = "channel"
        Double = batchNorm
        Single = batchNorm
        IsBatch = true
        Ids = [ "BN-5"; "BN-6"; "BN-7" ]
        Forward =
            fun eps x gain bias -> BatchNorm.Forward(eps, zeros<float> x, zeros gain, zeros bias, Arena()) |> ignore
        Axis = "channel"
    }

let private spread = NormalizationLaw.spread kind
let private drawn = NormalizationLaw.drawn kind

/// The same where the rectifier behind the normalization comes to no kink, also if every input is multiplied by 0.7.
let rec private drawnOffKink (random: RandomStream) (sizes: Sizes) =
    let x = spread random sizes.Rows sizes.Columns
    let gain, bias = normal random [ sizes.Columns ], normal random [ sizes.Columns ]
    let scaled = [ x; gain; bias ] |> List.map (mapTensor ((*) 0.7))

    let z =
        List.collect
            (fun inputs -> List.ofArray (floats (valueOf inputs (batchNorm 0.1))))
            [ [ x; gain; bias ]; scaled ]

    if z |> List.exists (fun z -> abs z < 0.02) then
        drawnOffKink random sizes
    else
        x, gain, bias

/// Algorithm 1 of the paper and the six equations of its section 3, channel by channel: y, dx, dgain, dbias.
let private longhand eps (x: Tensor<float>) (gain: Tensor<float>) (bias: Tensor<float>) (dy: Tensor<float>) =
    let channels =
        Array.zip3 (columnsOf x) (columnsOf dy) (Array.zip (floats gain) (floats bias))
        |> Array.map (fun (x, dy, (gain, bias)) ->
            let m, mu, variance = float x.Length, Array.average x, variance x
            let std = sqrt (variance + eps)
            let xhat = x |> Array.map (fun x -> (x - mu) / std)
            let dxhat = dy |> Array.map (fun dy -> dy * gain)
            let dvariance = Array.map2 (fun d x -> d * (x - mu) * -0.5 * (variance + eps) ** -1.5) dxhat x |> Array.sum
            let dmu = Array.sumBy (fun d -> -d / std) dxhat + dvariance * Array.sumBy (fun x -> -2.0 * (x - mu)) x / m
            let dx = Array.map2 (fun d x -> d / std + dvariance * 2.0 * (x - mu) / m + dmu / m) dxhat x
            Array.map (fun xhat -> gain * xhat + bias) xhat, dx, Array.sum (Array.map2 (*) dy xhat), Array.sum dy)

    let pick f = channels |> Array.map f

    ofColumns (pick (fun (y, _, _, _) -> y)),
    ofColumns (pick (fun (_, dx, _, _) -> dx)),
    pick (fun (_, _, g, _) -> g),
    pick (fun (_, _, _, b) -> b)

/// From a channel that fills no vector to rows that fill many, with whole chunks and without, and with rows left over.
let private wideShapes = [ 20000, 1; 7001, 3; 3001, 16; 1500, 37; 130, 300; 64, 32; 12545, 16 ]

let private properties =
    testList
        "properties"
        [
            yield! NormalizationLaw.properties kind

            propertyUpTo 6 20 "with given statistics the gradient agrees with central differences" (fun sizes ->
                let x, gain, bias, eps = drawn sizes

                let mean, variance =
                    normal sizes.Random [ sizes.Columns ], mapTensor exp (normal sizes.Random [ sizes.Columns ])

                Gradients.expectRule "BatchNorm, fixed" sizes.Random [ x ] [ gain; bias ] (fixedBy mean variance eps)
                covers [ "BN-8" ])

            propertyUpTo 8 25 "equals the paper's algorithm 1, and the gradient its section 3, longhand" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, gradients = runAlong dy [ x; gain; bias ] (batchNorm eps)
                let expected, dx, dgain, dbias = longhand eps x gain bias dy
                expectClose 1e-12 (floats y) expected "y"
                expectClose 1e-10 (floats gradients[0]) dx "dx"
                expectClose 1e-12 (floats gradients[1]) dgain "dgain"
                expectClose 1e-12 (floats gradients[2]) dbias "dbias"
                covers [ "BN-1"; "BN-2"; "BN-3"; "BN-4" ])

            propertyUpTo 8 25 "hands out the mean and the biased variance of each channel" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let struct (_, _, mean, variances) = BatchNorm.Forward(eps, x, gain, bias, Arena())
                expectClose 1e-14 (floats mean) (columnsOf x |> Array.map Array.average) "mean"
                expectClose 1e-13 (floats variances) (columnsOf x |> Array.map variance) "variance"
                let struct (_, _, mean', variances') = BatchNormRelu.Forward(eps, x, gain, bias, Arena())
                Expect.equal (floats mean', floats variances') (floats mean, floats variances) "with the rectifier")

            propertyUpTo 8 25 "is layer normalization of the transpose, gain and bias aside" (fun sizes ->
                let x, _, _, eps = drawn sizes
                let (gain, bias), (ones, nothing) = plain sizes.Columns, plain sizes.Rows
                let along = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, gradients = runAlong along [ x; gain; bias ] (batchNorm eps)

                let expected, dexpected =
                    runAlong along [ x; ones; nothing ] (fun _ x ->
                        x[0].Transpose().LayerNorm(x[1], x[2], eps).Transpose())

                expectClose 1e-12 (floats y) (floats expected) "y"
                expectClose 1e-11 (floats gradients[0]) (floats dexpected[0]) "dx")

            propertyUpTo 8 25 "permuting the batch permutes y and dx" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let order = permutation sizes.Random sizes.Rows
                let y, gradients = runAlong dy [ x; gain; bias ] (batchNorm eps)
                let mixed, dmixed = runAlong (permuteRows order dy) [ permuteRows order x; gain; bias ] (batchNorm eps)
                expectClose 1e-11 (floats mixed) (floats (permuteRows order y)) "y"
                expectClose 1e-10 (floats dmixed[0]) (floats (permuteRows order gradients[0])) "dx")

            propertyUpTo 6 25 "channels do not know of each other" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]
                let y, gradients = runAlong dy [ x; gain; bias ] (batchNorm eps)

                for c in 0 .. sizes.Columns - 1 do
                    let only (t: Tensor<float>) = tensor [ sizes.Rows; 1 ] (columnsOf t).[c]
                    let number (t: Tensor<float>) = tensor [ 1 ] [ (floats t).[c] ]
                    let alone, dalone = runAlong (only dy) [ only x; number gain; number bias ] (batchNorm eps)
                    expectClose 1e-12 (floats alone) (columnsOf y).[c] "y"
                    expectClose 1e-10 (floats dalone[0]) (columnsOf gradients[0]).[c] "dx")

            propertyUpTo 6 25 "with given statistics rows do not know of each other, to the bit" (fun sizes ->
                let x, gain, bias, eps = drawn sizes

                let mean, variance =
                    normal sizes.Random [ sizes.Columns ], mapTensor exp (normal sizes.Random [ sizes.Columns ])

                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                for rule in [ fixedBy; fixedRelu ] do
                    let y, gradients = runAlong dy [ x; gain; bias ] (rule mean variance eps)

                    for i in 0 .. sizes.Rows - 1 do
                        let alone, dalone = runAlong (rowAt i dy) [ rowAt i x; gain; bias ] (rule mean variance eps)
                        Expect.equal (row i y) (floats alone) "y"
                        Expect.equal (row i gradients[0]) (floats dalone[0]) "dx")

            propertyUpTo 6 25 "given the batch's own statistics, inference computes what training did" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let struct (y, _, mean, variance) = BatchNorm.Forward(eps, x, gain, bias, Arena())
                let again = valueOf [ x; gain; bias ] (fixedBy mean variance eps)
                Expect.equal (floats again) (floats y) "y")

            testCase "half a million channels are normalized on a thread that has done nothing before" (fun () ->
                // Its scratch memory is new, so that it holds no more than was asked for.
                let channels = 1 <<< 19
                let x = toSingle (normal (RandomStream 3UL) [ 2; channels ])
                let gain, bias = zeros<float32> [ channels ], zeros [ channels ]
                gain.Span.Fill 1f
                let y = ref (zeros<float32> [ 0 ])
                let thread = Threading.Thread(fun () -> y.Value <- valueOf [ x; gain; bias ] (batchNorm 0.1))
                thread.Start()
                thread.Join()
                // Each of two numbers lies half of their distance from the mean.
                let expected =
                    Array.map2 (fun a b -> (a - b) / 2.0 / sqrt ((a - b) ** 2.0 / 4.0 + 0.1)) (row 0 x) (row 1 x)

                expectClose 1e-5 (row 0 y.Value) expected "y")

            testCase "many rows, in several chunks and with rows left over, equal the longhand" (fun () ->
                for rows, channels in wideShapes do
                    let random = RandomStream(uint64 rows)
                    let x, dy = normal random [ rows; channels ], normal random [ rows; channels ]
                    let gain, bias = normal random [ channels ], normal random [ channels ]
                    let y, gradients = runAlong dy [ x; gain; bias ] (batchNorm 1e-5)
                    let expected, dx, dgain, dbias = longhand 1e-5 x gain bias dy
                    expectClose 1e-12 (floats y) expected $"y {rows}x{channels}"
                    expectClose 1e-11 (floats gradients[0]) dx $"dx {rows}x{channels}"
                    expectClose 1e-11 (floats gradients[1]) dgain $"dgain {rows}x{channels}"
                    expectClose 1e-11 (floats gradients[2]) dbias $"dbias {rows}x{channels}"

                    // Used twice, so that the second gradient is added to the first, chunk by chunk.
                    let twice tape x = batchNorm 1e-5 tape x + batchNorm 1e-5 tape x
                    let _, doubled = runAlong dy [ x; gain; bias ] twice
                    expectClose 2e-11 (floats doubled[0]) (Array.map ((*) 2.0) dx) $"dx of two uses {rows}x{channels}"

                    let single, dsingle = runAlong (toSingle dy) (List.map toSingle [ x; gain; bias ]) (batchNorm 1e-5)
                    expectClose 1e-5 (floats single) expected $"float y {rows}x{channels}"
                    expectClose 2e-5 (floats dsingle[0]) dx $"float dx {rows}x{channels}"
                    expectClose 2e-3 (floats dsingle[1]) dgain $"float dgain {rows}x{channels}")
        ]

let private fused =
    testList
        "with the rectifier"
        [
            propertyUpTo 5 15 "the gradient agrees with central differences away from the kink" (fun sizes ->
                let x, gain, bias = drawnOffKink sizes.Random sizes
                Gradients.expectRule "BatchNormRelu" sizes.Random [ x ] [ gain; bias ] (batchNormRelu 0.1)
                covers [ "BNR-2" ])

            propertyUpTo 5 15 "with given statistics the gradient agrees with central differences" (fun sizes ->
                let x, gain, bias = drawnOffKink sizes.Random sizes
                // The statistics of the batch, so that the kink is as far.
                let struct (_, _, mean, variance) = BatchNorm.Forward(0.1, x, gain, bias, Arena())
                let near = mapTensor ((*) 0.7) x

                let z =
                    floats (
                        valueOf
                            [ near; mapTensor ((*) 0.7) gain; mapTensor ((*) 0.7) bias ]
                            (fixedBy mean variance 0.1)
                    )

                if z |> Array.forall (fun z -> abs z > 0.01) then
                    Gradients.expectRule
                        "BatchNormRelu, fixed"
                        sizes.Random
                        [ x ]
                        [ gain; bias ]
                        (fixedRelu mean variance 0.1))

            propertyUpTo 8 25 "equals the two rules it replaces, to the bit" (fun sizes ->
                let x, gain, bias, eps = drawn sizes
                let dy = normal sizes.Random [ sizes.Rows; sizes.Columns ]

                let mean, variance =
                    normal sizes.Random [ sizes.Columns ], mapTensor exp (normal sizes.Random [ sizes.Columns ])

                for together, apart in
                    [ batchNormRelu eps, batchNorm eps; fixedRelu mean variance eps, fixedBy mean variance eps ] do
                    let y, gradients = runAlong dy [ x; gain; bias ] together

                    let expected, dexpected = runAlong dy [ x; gain; bias ] (fun tape x -> (apart tape x).Relu())

                    Expect.equal (floats y) (floats expected) "y"

                    for i in 0..2 do
                        Expect.equal (floats gradients[i]) (floats dexpected[i]) $"gradient {i}"

                covers [ "BNR-1" ])

            testCase "equals the two rules it replaces on many rows too, to the bit, in single precision" (fun () ->
                for rows, channels in wideShapes do
                    let random = RandomStream(uint64 channels)
                    let draw extents = toSingle (normal random extents)

                    let inputs, dy =
                        [ draw [ rows; channels ]; draw [ channels ]; draw [ channels ] ], draw [ rows; channels ]

                    let y, gradients = runAlong dy inputs (batchNormRelu 1e-5)

                    let expected, dexpected = runAlong dy inputs (fun tape x -> (batchNorm 1e-5 tape x).Relu())

                    Expect.isTrue (y.Span.SequenceEqual expected.Span) $"y {rows}x{channels}"

                    for i in 0..2 do
                        Expect.isTrue
                            (gradients[i].Span.SequenceEqual dexpected[i].Span)
                            $"gradient {i} {rows}x{channels}")

            testCase "NaN stays NaN, 1e4 and a single row are finite, in single precision" (fun () ->
                let one, nothing = tensor [ 2 ] [ 1f; 1f ], zeros<float32> [ 2 ]
                let y = valueOf [ tensor [ 2; 2 ] [ Single.NaN; 1e4f; 1f; -1e4f ]; one; nothing ] (batchNormRelu 1e-5)
                Expect.equal (floats y |> Array.map Double.IsNaN) [| true; false; true; false |] "the channel of NaN"
                expectClose 1e-6 (row 0 y).[1..] [| 1.0 |] "the other"

                let bias = tensor [ 2 ] [ 3f; -3f ]

                let y, gradients =
                    runSingle (RandomStream 1UL) [ tensor [ 1; 2 ] [ 1e4f; -1e4f ]; one; bias ] (batchNormRelu 1e-5)

                Expect.equal (floats y) [| 3.0; 0.0 |] "a single row"
                Expect.equal (floats gradients[0]) [| 0.0; 0.0 |] "its dx"

                let empty = valueOf [ zeros<float32> [ 0; 2 ]; one; nothing ] (fixedRelu nothing one 1e-5)
                Expect.equal empty.Shape (shape [ 0; 2 ]) "an empty batch")

            testCase "refuses what batch normalization refuses" (fun () ->
                let apply eps x gain () = BatchNormRelu.Forward(eps, zeros<float> x, zeros gain, zeros gain, Arena())
                refusesRange [ "eps must be positive" ] (apply 0.0 [ 2; 3 ] [ 3 ])
                refusesShape [ "gain must be [3], got [2]" ] (apply 1e-5 [ 2; 3 ] [ 2 ])
                refusesShape [ "at least one row" ] (apply 1e-5 [ 0; 3 ] [ 3 ])

                refusesShape [ "mean must be [3], got [2]" ] (fun () ->
                    BatchNormRelu.ForwardFixed(
                        1e-5,
                        zeros<float> [ 2; 3 ],
                        zeros [ 3 ],
                        zeros [ 3 ],
                        zeros [ 2 ],
                        zeros [ 3 ],
                        Arena()
                    )))
        ]

let private extremes =
    testList
        "extremes"
        [
            yield! NormalizationLaw.extremes kind

            testCase "in float32 at an offset of 1e4, a variance of 0.25 over many rows is still 0.25" (fun () ->
                let column = [| for i in 0..4095 -> if i % 2 = 0 then 10000.5f else 9999.5f |]

                for channels in [ 1; 16 ] do
                    let x = tensor [ 4096; channels ] (column |> Array.collect (Array.replicate channels))
                    let gain, bias = tensor [ channels ] (Array.create channels 1f), zeros [ channels ]
                    let struct (y, _, mean, variance) = BatchNorm.Forward(1e-5, x, gain, bias, Arena())
                    expectClose 1e-7 (floats mean) (Array.create channels 1e4) "mean"
                    expectClose 1e-6 (floats variance) (Array.create channels 0.25) "variance"
                    let expected = 0.5 / sqrt (0.25 + 1e-5)
                    expectClose 1e-5 (row 0 y) (Array.create channels expected) "even rows"
                    expectClose 1e-5 (row 1 y) (Array.create channels -expected) "odd rows")

            testCase "in float32 at an offset of 1e4, chunks of means of their own are put together right" (fun () ->
                // Each quarter of the rows has another mean, so that most of the variance lies between the chunks.
                let rows = 40000

                let values =
                    Array.init rows (fun i -> 1e4 + float (4 * i / rows) + (if i % 2 = 0 then 0.25 else -0.25))

                let x = tensor [ rows; 1 ] (Array.map float32 values)

                let struct (_, _, mean, variances) =
                    BatchNorm.Forward(1e-5, x, tensor [ 1 ] [ 1f ], zeros [ 1 ], Arena())

                expectClose 1e-7 (floats mean) [| Array.average values |] "mean"
                expectClose 1e-6 (floats variances) [| variance values |] "variance")

            testCase "an outlier in the first row takes no digits from the others, in float32" (fun () ->
                let values = Array.init 1000 (fun i -> if i = 0 then 1e4f else 0.001f * float32 (i % 2))
                let x = tensor [ 1000; 1 ] values
                let struct (_, _, _, variances) = BatchNorm.Forward(1e-5, x, tensor [ 1 ] [ 1f ], zeros [ 1 ], Arena())
                let expected = variance (Array.map float values)
                expectNear 1e-6 ((floats variances).[0] / expected) 1.0 "variance")

            testCase "NaN makes its channel NaN, and no other" (fun () ->
                let inputs =
                    [ tensor [ 3; 2 ] [ nan; 1.0; 2.0; 3.0; 4.0; 5.0 ]; tensor [ 2 ] [ 1.0; 1.0 ]; zeros [ 2 ] ]

                let y = rowsOf (valueOf inputs (batchNorm 1e-5))
                Expect.all y (fun row -> Double.IsNaN row[0] && Double.IsFinite row[1]) "y")

            testCase "with given statistics an empty batch leaves the gradients of gain and bias at zero" (fun () ->
                let ones = tensor [ 2 ] [ 1f; 1f ]

                let y, gradients =
                    runSingle
                        (RandomStream 1UL)
                        [ zeros<float32> [ 0; 2 ]; ones; zeros [ 2 ] ]
                        (fixedBy ones ones 1e-5)

                Expect.equal y.Shape (shape [ 0; 2 ]) "y"
                Expect.all (Array.append (floats gradients[1]) (floats gradients[2])) ((=) 0.0) "gradients")
        ]

let private refusals =
    let apply eps x gain bias () = BatchNorm.Forward(eps, zeros<float> x, zeros gain, zeros bias, Arena())

    let applyFixed eps x gain bias mean variance () =
        BatchNorm.ForwardFixed(eps, zeros<float> x, zeros gain, zeros bias, zeros mean, zeros variance, Arena())

    testList
        "refusals"
        [
            yield! NormalizationLaw.refusals kind

            testCase "an eps that is not positive is refused with given statistics too" (fun () ->
                for eps in [ 0.0; -1e-5; nan ] do
                    refusesRange
                        [ "eps must be positive"; "variance 0" ]
                        (applyFixed eps [ 2; 3 ] [ 3 ] [ 3 ] [ 3 ] [ 3 ]))

            testCase "statistics of another width are refused" (fun () ->
                let fragment = "one number for each channel"

                refusesShape
                    [ "mean must be [3], got [2]"; fragment ]
                    (applyFixed 1e-5 [ 2; 3 ] [ 3 ] [ 3 ] [ 2 ] [ 3 ])

                refusesShape
                    [ "variance must be [3], got [4]"; fragment ]
                    (applyFixed 1e-5 [ 2; 3 ] [ 3 ] [ 3 ] [ 3 ] [ 4 ]))

            testCase "an empty batch has no statistics, and is refused in training" (fun () ->
                refusesShape [ "at least one row, got [0, 3]"; "leave it out" ] (apply 1e-5 [ 0; 3 ] [ 3 ] [ 3 ])

                refusesShape [ "at least one row, got [4, 0, 2, 3]" ] (apply 1e-5 [ 4; 0; 2; 3 ] [ 3 ] [ 3 ]))
        ]

[<Tests>]
let tests = testList "Rules.BatchNorm" [ properties; fused; extremes; refusals ]
