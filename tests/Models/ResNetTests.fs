module Hybrid.Tests.Models.ResNetTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files
open Hybrid.Tests.Models.Classifiers
open Hybrid.Tests.Models.TinyResNet

let private find name (model: ResNet<_>) = (model.Parameters |> Seq.find (fun parameter -> parameter.Name = name)).Value

let private clear (tensor: Tensor<_>) = tensor.Span.Clear()

/// What goes into the second block, and what comes out.
let private through (model: ResNet<float>) training x =
    let made = recorded model training x
    let last block = made |> List.findBack (fun ((place, _), _) -> place = $"stage.0.block.{block}") |> snd |> floats
    last 0, last 1

[<Tests>]
let tests =
    testList
        "Models.ResNet"
        [
            testCase "as many parameters as by hand, and as table 6 of the paper rounds them" (fun () ->
                // Each further n brings two 3x3 convolutions to each stage, with a gain and a bias a filter.
                let first = 9 * 3 * 16 + 2 * 16
                let stage inside = 2 * 9 * inside * inside + 2 * 2 * inside
                let widening = 9 * 16 * 32 + 9 * 32 * 64 - 9 * 32 * 32 - 9 * 64 * 64
                let byHand n = first + n * (stage 16 + stage 32 + stage 64) + widening + 64 * 10 + 10

                for layers, count, millions in
                    [
                        20, 269_722, 0.27
                        32, 464_154, 0.46
                        44, 658_586, 0.66
                        56, 853_018, 0.85
                        110, 1_727_962, 1.7
                        1202, 19_421_274, 19.4
                    ] do
                    Expect.equal (byHand ((layers - 2) / 6)) count $"{layers} layers, by hand"

                    for shortcuts in [ ShortcutKind.Pad; ShortcutKind.None ] do
                        for preActivation in [ false; true ] do
                            let options = { cifar layers with Shortcuts = shortcuts; PreActivation = preActivation }

                            Expect.equal (single options 1UL).ParameterCount (int64 count) $"{settings options}"

                    expectNear
                        (if millions < 1.0 then 0.005 else 0.05)
                        (float count / 1e6)
                        millions
                        $"{layers}, table 6")

            testCase "projections add a 1x1 convolution and its norm to two blocks, or to all" (fun () ->
                let count shortcuts = (single { cifar 20 with Shortcuts = shortcuts } 1UL).ParameterCount
                let pad = count ShortcutKind.Pad
                let changing = 16 * 32 + 32 * 64 + 2 * 32 + 2 * 64
                Expect.equal (count ShortcutKind.Project - pad) (int64 changing) "option B"
                let keeping = 3 * (16 * 16 + 2 * 16) + 2 * (32 * 32 + 2 * 32) + 2 * (64 * 64 + 2 * 64)
                Expect.equal (count ShortcutKind.ProjectAll - pad) (int64 (changing + keeping)) "option C")

            testCase "as many weighted layers as it says, each with its response on the tape, in order" (fun () ->
                for options in everyChoice { tiny with Layers = 14 } do
                    let model = double options 1UL
                    let x = normal (RandomStream 1UL) [ 2; options.Features ]
                    let made = recorded model true x
                    let isShortcut (name: string) = name.Contains "shortcut"

                    let weighted =
                        model.Parameters
                        |> Seq.filter (fun parameter ->
                            parameter.Name.EndsWith "weight" && not (isShortcut parameter.Name))

                    Expect.equal (Seq.length weighted) 14 $"{model.Settings}"
                    Expect.equal model.Responses.Count 13 $"{model.Settings}"
                    let responses = List.ofSeq model.Responses

                    let places =
                        [
                            for (place, _), _ in made do
                                if List.contains place responses then
                                    place
                        ]

                    Expect.equal places responses $"{model.Settings}, order")

            testCase "each later stage halves the image, rounding up, and doubles the filters" (fun () ->
                for options in everyChoice tiny do
                    let model = double options 1UL
                    let x = normal (RandomStream 1UL) [ 2; options.Features ]
                    let made = Map.ofList (recorded model true x)
                    let extents place rule = made[(place, rule)].Shape.ToArray()
                    Expect.equal (extents "" "Reshape") [| 2; 6; 5; 2 |] "images"
                    Expect.equal (extents "stage.0.block.0.second.conv" "Conv2d") [| 2; 6; 5; 2 |] "stage 0"
                    Expect.equal (extents "stage.1.block.0.second.conv" "Conv2d") [| 2; 3; 3; 4 |] "stage 1"
                    Expect.equal (extents "stage.2.block.0.second.conv" "Conv2d") [| 2; 2; 2; 8 |] "stage 2"
                    Expect.equal (extents "" "GlobalAveragePool") [| 2; 8 |] "pool"
                    Expect.equal (extents "output" "Linear") [| 2; 3 |] "logits")

            testCase "names are unique, and say where a parameter stands" (fun () ->
                for options in everyChoice tiny do
                    let model = double options 1UL

                    let names =
                        [
                            for parameter in model.Parameters do
                                parameter.Name
                            for Named(name, _) in model.Buffers do
                                name
                        ]

                    Expect.equal (List.distinct names) names "unique"

                Expect.equal
                    [
                        for parameter in (double { tiny with Shortcuts = ShortcutKind.Project } 1UL).Parameters do
                            if not (parameter.Name.StartsWith "stage.0" || parameter.Name.StartsWith "stage.2") then
                                parameter.Name
                    ]
                    [
                        "stem.conv.weight"
                        "stem.norm.gain"
                        "stem.norm.bias"
                        "stage.1.block.0.first.conv.weight"
                        "stage.1.block.0.first.norm.gain"
                        "stage.1.block.0.first.norm.bias"
                        "stage.1.block.0.second.conv.weight"
                        "stage.1.block.0.second.norm.gain"
                        "stage.1.block.0.second.norm.bias"
                        "stage.1.block.0.shortcut.conv.weight"
                        "stage.1.block.0.shortcut.norm.gain"
                        "stage.1.block.0.shortcut.norm.bias"
                        "output.weight"
                        "output.bias"
                    ]
                    "names")

            testCase "a block whose last gain is 0 passes on what comes in; a plain one forgets it" (fun () ->
                let options = { tiny with Layers = 14 }

                for shortcuts in shortcutKinds do
                    let model = double { options with Shortcuts = shortcuts } 1UL
                    clear (find "stage.0.block.1.second.norm.gain" model)

                    for training in [ true; false ] do
                        let x = normal (RandomStream 1UL) [ 2; options.Features ]
                        let before, after = through model training x

                        match shortcuts with
                        | ShortcutKind.Pad
                        | ShortcutKind.Project -> Expect.equal after before $"{shortcuts}"
                        | ShortcutKind.None -> Expect.all after ((=) 0.0) "plain"
                        | _ -> Expect.notEqual after before "a projection changes it")

            testCase
                "before the pooling of the pre-activation form stands its last norm, and nothing beside it"
                (fun () ->
                    let options = { tiny with PreActivation = true }
                    let model = double options 1UL
                    let tape = Tape<float>()
                    let rows = normal (RandomStream 2UL) [ 2; options.Features ]
                    model.Logits(tape.Constant rows) |> ignore
                    let pooled = tape.Find("", "GlobalAveragePool")

                    Expect.equal
                        [ for x in pooled.Inputs -> x.Place, x.Rule ]
                        [ "final.norm", "BatchNormReluFixed" ]
                        "input of the pooling")

            testCase
                "a pre-activation block whose last weights are 0 passes on what comes in, of either sign"
                (fun () ->
                    let options = { tiny with Layers = 14; PreActivation = true }
                    let model = double options 1UL
                    clear (find "stage.0.block.1.second.conv.weight" model)
                    let x = normal (RandomStream 1UL) [ 2; options.Features ]
                    let before, after = through model true x
                    Expect.equal after before "identity"
                    Expect.exists before (fun value -> value < 0.0) "no rectifier behind the sum")

            testCase "kept responses change no bit of loss and gradients" (fun () ->
                for options in everyChoice tiny do
                    let model = double options 1UL |> shaken 2UL
                    let x = normal (RandomStream 3UL) [ 3; options.Features ]
                    expectResponsesChangeNothing model x [| 0; 2; 1 |])

            testCase "networks of one seed start from the same weights, whatever their shortcuts" (fun () ->
                let weights shortcuts =
                    Map.ofSeq
                        [
                            for parameter in (double { tiny with Shortcuts = shortcuts } 5UL).Parameters ->
                                parameter.Name, floats parameter.Value
                        ]

                let plain = weights ShortcutKind.None

                for shortcuts in shortcutKinds do
                    let other = weights shortcuts

                    for KeyValue(name, values) in plain do
                        Expect.equal other[name] values $"{shortcuts}, {name}"

                Expect.notEqual plain["stem.conv.weight"] (floats (find "stem.conv.weight" (double tiny 6UL))) "seed")

            testCase "a run that is stopped and resumed goes on to the bit, running statistics included" (fun () ->
                let run keepsStatistics stops =
                    withFolder (fun folder ->
                        use checkpoints = CheckpointFolder.Open folder

                        let start () =
                            let model = single small 1UL
                            let sgd = Sgd<float32>(model.Parameters, 0.9, 1e-4)
                            let order = ExampleStream(40, 8, RandomStream 2UL)
                            let state = TrainingState()
                            state.Add model.Parameters
                            state.Add("sgd", sgd)
                            state.Add("order", order)

                            if keepsStatistics then
                                state.Add model.Buffers

                            model,
                            state,
                            fun () ->
                                let tape = Tape<float32>(training = true)
                                let struct (x, labels) = digits.Value.Batch<float32>(ReadOnlySpan(order.Next()))
                                sgd.ZeroGradients()
                                tape.Backward(model.Loss(tape.Constant x, labels))
                                sgd.Step 0.05
                                state.Step <- state.Step + 1

                        let mutable model, state, step = start ()

                        for _ in 1..7 do
                            step ()

                            if List.contains state.Step stops then
                                checkpoints.Save("run", Map.empty, state)
                                let again, stateAgain, stepAgain = start ()
                                checkpoints.Resume("run", Map.empty, stateAgain) |> ignore
                                model <- again
                                state <- stateAgain
                                step <- stepAgain

                        stateOf model |> List.map _.ToArray())

                let whole = run true []
                Expect.equal (run true [ 3; 5 ]) whole "resumed twice"
                Expect.notEqual (run false [ 3 ]) whole "without the statistics it would not")

            testCase "images of a single pixel go through, and so does a single image in inference" (fun () ->
                for options in everyChoice { tiny with Height = 1; Width = 1; Channels = 1 } do
                    let model = double options 1UL
                    expectAllFinite (logits model false (tensor [ 1; 1 ] [ 0.3 ])) "alone"
                    expectAllFinite (logits model true (tensor [ 3; 1 ] [ 0.3; -1.0; 2.0 ])) "three")

            testCase "a number of layers that is not 6n + 2 is refused" (fun () ->
                for layers in [ 0; 2; 7; 9; 18; 34; 52; -4 ] do
                    refusesRange [ "6n + 2"; "8, 14, 20"; $"{layers}" ] (fun () ->
                        single { tiny with Layers = layers } 1UL))

            testCase "sizes that are not positive are refused" (fun () ->
                for options in
                    [
                        { tiny with Height = 0 }
                        { tiny with Width = -1 }
                        { tiny with Channels = 0 }
                        { tiny with Classes = 0 }
                        { tiny with Filters = -2 }
                    ] do
                    refusesRange [ "must be positive" ] (fun () -> single options 1UL))

            testCase "a network larger than the memory is refused before anything is made" (fun () ->
                refuses<InsufficientMemoryException, _> [ "more than 10000 parts" ] (fun () ->
                    single { tiny with Layers = 2147483642 } 1UL)

                refuses<InsufficientMemoryException, _> [ "parameters, with their gradients" ] (fun () ->
                    single { tiny with Layers = 50_000; Filters = 1_000 } 1UL)

                refusesShape [ "one tensor cannot hold" ] (fun () -> single { tiny with Filters = Int32.MaxValue } 1UL))

            testCase "the settings name a run" (fun () ->
                let words options = string (settings options)
                Expect.equal (words (cifar 20)) "ResNet Pad 20 layers 16 filters 32x32x3 10 classes He" "residual"

                Expect.equal
                    (words { small with Shortcuts = ShortcutKind.None; PreActivation = true; Normalized = false })
                    "Plain 8 layers 4 filters 8x8x1 10 classes He PreActivation NotNormalized"
                    "plain")
        ]
