/// Formulas of papers in the core's words: what they compute, their gradients, and that C# and F# say the same.
module Hybrid.Tests.Language.LanguageTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Kernels
open Hybrid.Tests.Support

type private CSharp = Hybrid.Language.Formulas

type private Formula =
    {
        Name: string
        /// Inputs of some sizes.
        Draw: Sizes -> Tensor<float> list
        /// The value of such inputs, in loops over numbers.
        Longhand: Tensor<float> list -> float[]
    }

let private draw (random: RandomStream) extents = normal random extents

/// Actions for as many steps; how many there are to choose from, and the clipping range, are the same in all tests.
let private choices, private clip = 4, 0.2
let private actions steps = Array.init steps (fun i -> i * i % choices)

let private sigmoid x = 1.0 / (1.0 + exp -x)

/// x [rows, n] times w [n, columns], for one row and column.
let private product (x: float[][]) (w: float[][]) row column =
    Array.sum [| for k in 0 .. w.Length - 1 -> x[row][k] * w[k][column] |]

/// Outputs, and behind them states, of one step.
let private lstmByLoops (inputs: Tensor<float> list) =
    let rows = inputs |> List.map rowsOf |> Array.ofList
    let x, h, c, wx, wh, b = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5][0]
    let units = c[0].Length

    [|
        for row in 0 .. x.Length - 1 do
            let gate k unit =
                let column = k * units + unit
                product x wx row column + product h wh row column + b[column]

            let states =
                [|
                    for unit in 0 .. units - 1 ->
                        sigmoid (gate 1 unit) * c[row][unit] + sigmoid (gate 0 unit) * tanh (gate 2 unit)
                |]

            for unit in 0 .. units - 1 do
                sigmoid (gate 3 unit) * tanh states[unit]

            yield! states
    |]

let private convolve (x: Tensor<float>) numbers (w: Tensor<float>) =
    let sizes =
        ConvolutionSizes(x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[2], w.Shape[0], w.Shape[1], w.Shape[3], 1, 1)

    PlainConvolution.forward sizes numbers (floats w)

/// Every channel over all pixels of the batch to mean 0 and variance 1, then stretched and moved.
let private normalize (gain: Tensor<float>) (bias: Tensor<float>) (x: float[]) =
    let channels = gain.Length

    let normalized =
        [|
            for channel in 0 .. channels - 1 ->
                let values = [| for i in channel..channels .. x.Length - 1 -> x[i] |]
                let mean = Array.average values
                let variance = values |> Array.averageBy (fun value -> (value - mean) ** 2.0)

                values
                |> Array.map (fun x -> gain.Span[channel] * (x - mean) / sqrt (variance + 1e-5) + bias.Span[channel])
        |]

    Array.init x.Length (fun i -> normalized[i % channels][i / channels])

let private residualByLoops (inputs: Tensor<float> list) =
    match inputs with
    | [ x; w1; gain1; bias1; w2; gain2; bias2 ] ->
        let y = convolve x (floats x) w1 |> normalize gain1 bias1 |> Array.map (max 0.0)
        let z = convolve x y w2 |> normalize gain2 bias2
        Array.map2 (fun x z -> max 0.0 (x + z)) (floats x) z
    | _ -> failwith "seven inputs"

let private unetByLoops (inputs: Tensor<float> list) =
    match inputs with
    | [ x; skip; w; bias ] ->
        let channels, skipped = x.Shape[3], skip.Shape[3]
        let height, width = x.Shape[1], x.Shape[2]

        let beside =
            [|
                for image in 0 .. skip.Shape[0] - 1 do
                    for i in 0 .. 2 * height - 1 do
                        for j in 0 .. 2 * width - 1 do
                            for c in 0 .. channels - 1 do
                                x.Span[((image * height + i / 2) * width + j / 2) * channels + c]

                            for c in 0 .. skipped - 1 do
                                skip.Span[((image * 2 * height + i) * 2 * width + j) * skipped + c]
            |]

        convolve skip beside w |> Array.mapi (fun i y -> max 0.0 (y + bias.Span[i % bias.Length]))
    | _ -> failwith "four inputs"

let private ppoByLoops (inputs: Tensor<float> list) =
    match inputs with
    | [ logits; old; a ] ->
        let rows = rowsOf logits
        let actions = actions rows.Length

        let gain step =
            let probability = exp (rows[step][actions[step]]) / Array.sumBy exp (rows[step])
            let ratio = probability / exp old.Span[step]
            min (ratio * a.Span[step]) (max (1.0 - clip) (min (1.0 + clip) ratio) * a.Span[step])

        [| -Array.average(Array.init rows.Length gain) |]
    | _ -> failwith "three inputs"

let private formulas =
    [
        {
            Name = "LSTM cell"
            Draw =
                fun sizes ->
                    let random, units = sizes.Random, sizes.Columns

                    [
                        for extents in
                            [
                                [ sizes.Rows; sizes.Inner ]
                                [ sizes.Rows; units ]
                                [ sizes.Rows; units ]
                                [ sizes.Inner; 4 * units ]
                                [ units; 4 * units ]
                                [ 4 * units ]
                            ] -> draw random extents
                    ]
            Longhand = lstmByLoops
        }
        {
            Name = "residual block"
            Draw =
                fun sizes ->
                    let random, channels = sizes.Random, min 3 sizes.Columns
                    let filters = [ 3; 3; channels; channels ]

                    [
                        for extents in
                            [
                                [ sizes.Batch; 1 + sizes.Rows; 1 + sizes.Inner; channels ]
                                filters
                                [ channels ]
                                [ channels ]
                                filters
                                [ channels ]
                                [ channels ]
                            ] -> draw random extents
                    ]
            Longhand = residualByLoops
        }
        {
            Name = "reparameterization"
            Draw =
                fun sizes ->
                    let random = sizes.Random
                    List.init 3 (fun _ -> draw random [ sizes.Rows; sizes.Columns ])
            Longhand =
                fun inputs ->
                    let x = inputs |> List.map floats |> Array.ofList
                    Array.map3 (fun mean logVariance noise -> mean + sqrt (exp logVariance) * noise) x[0] x[1] x[2]
        }
        {
            Name = "step of a U-Net"
            Draw =
                fun sizes ->
                    let random, channels, skipped, filters = sizes.Random, min 3 sizes.Columns, min 2 sizes.Batch, 2
                    let height, width = min 3 sizes.Rows, min 3 sizes.Inner

                    [
                        draw random [ sizes.Batch; height; width; channels ]
                        draw random [ sizes.Batch; 2 * height; 2 * width; skipped ]
                        draw random [ 3; 3; channels + skipped; filters ]
                        draw random [ filters ]
                    ]
            Longhand = unetByLoops
        }
        {
            Name = "loss of PPO"
            Draw =
                fun sizes ->
                    let random, steps = sizes.Random, 2 * sizes.Rows
                    let logits = draw random [ steps; choices ]
                    let now = valueOf [ logits ] (fun _ x -> x[0].LogSoftmax().Pick(actions steps))
                    // Of these ratios some lie within the range, some below, some above.
                    let old = combine 1.0 now 0.3 (draw random [ steps ])
                    [ logits; old; draw random [ steps ] ]
            Longhand = ppoByLoops
        }
    ]

/// The same formulas in F# and in C#.
let private inBoth () : ((Variable<'T>[] -> Variable<'T>) * (Variable<'T>[] -> Variable<'T>)) list =
    [
        (fun x ->
            let h, c = Formulas.lstmCell x[0] x[1] x[2] x[3] x[4] x[5]
            h.Concatenate c),
        (fun x ->
            let struct (h, c) = CSharp.LstmCell(x[0], x[1], x[2], x[3], x[4], x[5])
            h.Concatenate c)
        (fun x -> Formulas.residualBlock x[0] (x[1], x[2], x[3]) (x[4], x[5], x[6])),
        (fun x -> CSharp.ResidualBlock(x[0], x[1], x[2], x[3], x[4], x[5], x[6]))
        (fun x -> Formulas.reparameterize x[0] x[1] x[2]), (fun x -> CSharp.Reparameterize(x[0], x[1], x[2]))
        (fun x -> Formulas.unetStep x[0] x[1] x[2] x[3]), (fun x -> CSharp.UNetStep(x[0], x[1], x[2], x[3]))
        (fun x -> Formulas.ppoLoss x[0] (actions x[0].Shape[0]) x[1] x[2] clip),
        (fun x -> CSharp.PpoLoss(x[0], actions x[0].Shape[0], x[1], x[2], clip))
    ]

let private on (record: Variable<'T>[] -> Variable<'T>) (_: Tape<'T>) x = record x

/// How near any number comes to where a rectifier or a bound has no derivative; for an advantage that is 0.
let private distance (record: Variable<float>[] -> Variable<float>) inputs =
    let tape = Tape<float>()
    record [| for input in inputs -> tape.Input input |] |> ignore

    Seq.min
        [
            infinity
            for made in tape.Recorded do
                let of' input = made.Inputs[input].Value |> floats |> Array.map abs |> Array.min

                match made.Rule with
                | "Relu" -> of' 0
                | "Clamp" ->
                    for ratio in floats made.Inputs[0].Value do
                        abs (ratio - 1.0 + clip)
                        abs (ratio - 1.0 - clip)
                | "Minimum" -> of' 0
                | _ -> ()
        ]

/// Inputs at which there is a derivative, also at 0.7 of them, where the gradient test looks as well.
let rec private drawn formula record sizes =
    let inputs = formula.Draw sizes
    let scaled = inputs |> List.map (mapTensor ((*) 0.7))

    if min (distance record inputs) (distance record scaled) < 0.003 then
        drawn formula record { sizes with Seed = sizes.Seed + 1 }
    else
        inputs

[<Tests>]
let tests =
    testList
        "Language"
        [
            for formula, (fSharp, cSharp), (fSharpSingle, cSharpSingle) in List.zip3 formulas (inBoth ()) (inBoth ()) do
                testList
                    formula.Name
                    [
                        propertyUpTo 3 12 "computes what loops over numbers do" (fun sizes ->
                            let inputs = formula.Draw sizes

                            expectClose 1e-12 (floats (valueOf inputs (on fSharp))) (formula.Longhand inputs) "y")

                        propertyUpTo 3 6 "the gradient of every input agrees with central differences" (fun sizes ->
                            let inputs = drawn formula fSharp sizes
                            Gradients.expectRule formula.Name sizes.Random inputs [] (on fSharp))

                        propertyUpTo 4 12 "C# and F# say the same, to the bit, in both precisions" (fun sizes ->
                            let inputs = formula.Draw sizes
                            let y, d = runDouble (RandomStream 1UL) inputs (on fSharp)
                            let y', d' = runDouble (RandomStream 1UL) inputs (on cSharp)
                            Expect.equal (y'.ToArray()) (y.ToArray()) "value"
                            Expect.equal (Array.map floats d') (Array.map floats d) "gradients"

                            let inputs = List.map toSingle inputs
                            let y, d = runSingle (RandomStream 1UL) inputs (on fSharpSingle)
                            let y', d' = runSingle (RandomStream 1UL) inputs (on cSharpSingle)
                            Expect.equal (y'.ToArray()) (y.ToArray()) "value in single precision"
                            Expect.equal (Array.map floats d') (Array.map floats d) "gradients in single precision")
                    ]

            testCase "the layer on the page is the one that is compiled here" (fun () ->
                let lines (parts: string list) =
                    [
                        for line in IO.File.ReadAllLines(IO.Path.Combine(Array.ofList (Equations.root :: parts))) do
                            if not (line.TrimStart().StartsWith "///") then
                                line
                    ]

                let text lines = String.concat "\n" lines

                let code =
                    lines [ "tests"; "Language"; "Bottleneck.cs" ]
                    |> List.skipWhile (fun line -> not (line.Contains "class"))

                Expect.stringContains (text (lines [ "docs"; "language.md" ])) (text code) "docs/language.md")

            testCase "that layer has the names that the page says, and the right gradients" (fun () ->
                let random = RandomStream 1UL
                let block = Hybrid.Language.Bottleneck<float>(3, 2, random)
                let model = Hybrid.Layers.Sequential<float>(block, Hybrid.Language.Bottleneck<float>(3, 2, random))
                let names = [ for Named(name, _) in model.Parameters -> name ]
                Expect.equal (List.head names, List.last names) ("0.reduce.weight", "1.expand.bias") "names"
                let x = normal random [ 2; 3; 3; 3 ]

                Gradients.expectGradient
                    "a layer of a reader"
                    random
                    [ x ]
                    (List.ofSeq block.Parameters)
                    (fun tape x ->
                        use _ = tape.Training()
                        block.Apply x[0]))
        ]
