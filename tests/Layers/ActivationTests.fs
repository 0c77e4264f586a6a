module Hybrid.Tests.Layers.ActivationTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// Every kind of one input but the identity, and the rule it stands for. A slope that nothing has been learned for is a leak.
let private rules: (ActivationKind * (Tape<float> -> Variable<float> -> Variable<float>)) list =
    [
        ActivationKind.Sigmoid, Record.sigmoid
        ActivationKind.HardSigmoid, Record.hardSigmoid
        ActivationKind.Tanh, Record.tanh
        ActivationKind.HardTanh, Record.hardTanh
        ActivationKind.Relu, Record.relu
        ActivationKind.LeakyRelu, Record.leakyRelu 0.01
        ActivationKind.PRelu, Record.leakyRelu 0.25
        ActivationKind.Elu, Record.elu 1.0
        ActivationKind.Selu, Record.selu
        ActivationKind.Softplus, Record.softplus
        ActivationKind.Gelu, Record.gelu
        ActivationKind.GeluTanh, Record.geluTanh
        ActivationKind.Swish, Record.swish 1.0
        ActivationKind.HardSwish, Record.hardSwish
        ActivationKind.Mish, Record.mish
    ]

let private gated = [ ActivationKind.Glu; ActivationKind.GeGlu; ActivationKind.SwiGlu ]

/// From far below the outermost kink to far above, with an odd number of points.
let private sweep = tensor [ 3; 67 ] [ for i in -100 .. 100 -> float i / 20.0 ]

[<Tests>]
let tests =
    testList
        "Layers.Activation"
        [
            testCase "every kind is the identity, a rule of one input, or gated" (fun () ->
                Expect.equal
                    (List.sort (ActivationKind.Identity :: List.map fst rules @ gated))
                    (List.ofArray (Enum.GetValues<ActivationKind>()))
                    "kinds")

            for kind, rule in rules do
                testCase $"{kind} has the value and the gradient of its rule, to the bit" (fun () ->
                    let layer = Activation<float>("a", kind)
                    let along = normal (RandomStream 1UL) [ 3; 67 ]
                    let y, dx = runAlong along [ sweep ] (fun tape x -> layer.Apply(tape, x[0]))
                    let expected, slope = runAlong along [ sweep ] (fun tape x -> rule tape x[0])
                    Expect.equal y.Shape (shape [ 3; 67 ]) "shape"
                    Expect.equal (floats y) (floats expected) "value"
                    Expect.equal (floats dx[0]) (floats slope[0]) "gradient")

            testCase "the identity hands x on and records nothing" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input sweep
                let y = Activation<float>("a", ActivationKind.Identity).Apply(tape, x)
                Expect.isTrue (obj.ReferenceEquals(y, x)) "the same variable"
                Expect.isEmpty tape.Recorded "recorded")

            testCase "what it computes bears the layer's name" (fun () ->
                for kind, _ in rules do
                    let tape = Tape<float>()
                    let y = Activation<float>("block.activation", kind).Apply(tape, tape.Input sweep)
                    Expect.equal y.Name "block.activation" $"{kind}")

            testCase "one kind has a parameter: a slope, 0.25 at the start, which is used and learned" (fun () ->
                for kind in ActivationKind.Identity :: List.map fst rules do
                    let layer = Activation<float>("a", kind)
                    let names = layer.Parameters |> Seq.map _.Name |> List.ofSeq
                    Expect.equal names (if kind = ActivationKind.PRelu then [ "a.slope" ] else []) $"{kind}"

                let layer = Activation<float>("a", ActivationKind.PRelu)
                let slope = Seq.exactlyOne layer.Parameters
                Expect.equal (slope.Value.Shape, slope.Value[0]) (shape [ 1 ], 0.25) "start"
                slope.Value[0] <- -2.0
                let ones = tensor [ 3 ] [ 1.0; 1.0; 1.0 ]

                let y, _ = runAlong ones [ tensor [ 3 ] [ -1.0; -3.0; 5.0 ] ] (fun tape x -> layer.Apply(tape, x[0]))

                Expect.equal (floats y) [| 2.0; 6.0; 5.0 |] "value"
                Expect.equal slope.Gradient[0] -4.0 "gradient: the sum of what is negative")

            testCase "gated kinds take two inputs and are refused" (fun () ->
                for kind in gated do
                    refuses<ArgumentException, _>
                        [ $"{kind} takes two inputs"; "use a GatedLinear"; "kind" ]
                        (fun () -> Activation<float>("a", kind)))
        ]
