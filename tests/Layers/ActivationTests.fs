module Hybrid.Tests.Layers.ActivationTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// Every kind of one input but the identity, and the rule it stands for. A slope that nothing has been learned for is a leak.
let private rules: (ActivationKind * (Variable<float> -> Variable<float>)) list =
    [
        ActivationKind.Sigmoid, _.Sigmoid()
        ActivationKind.HardSigmoid, _.HardSigmoid()
        ActivationKind.Tanh, _.Tanh()
        ActivationKind.HardTanh, _.HardTanh()
        ActivationKind.Relu, _.Relu()
        ActivationKind.LeakyRelu, _.LeakyRelu(0.01)
        ActivationKind.PRelu, _.LeakyRelu(0.25)
        ActivationKind.Elu, _.Elu(1.0)
        ActivationKind.Selu, _.Selu()
        ActivationKind.Softplus, _.Softplus()
        ActivationKind.Gelu, _.Gelu()
        ActivationKind.GeluTanh, _.GeluTanh()
        ActivationKind.Swish, _.Swish(1.0)
        ActivationKind.HardSwish, _.HardSwish()
        ActivationKind.Mish, _.Mish()
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
                    let layer = Activation<float>(kind)
                    let along = normal (RandomStream 1UL) [ 3; 67 ]
                    let y, dx = runAlong along [ sweep ] (fun _ x -> layer.Apply(x[0]))
                    let expected, slope = runAlong along [ sweep ] (fun _ x -> rule x[0])
                    Expect.equal y.Shape (shape [ 3; 67 ]) "shape"
                    Expect.equal (floats y) (floats expected) "value"
                    Expect.equal (floats dx[0]) (floats slope[0]) "gradient")

            testCase "the identity hands x on and records nothing" (fun () ->
                let tape = Tape<float>()
                let x = tape.Input sweep
                let y = Activation<float>(ActivationKind.Identity).Apply(x)
                Expect.isTrue (obj.ReferenceEquals(y, x)) "the same variable"
                Expect.isEmpty tape.Recorded "recorded")

            testCase "what it computes stands at the layer's place" (fun () ->
                for kind, _ in rules do
                    let tape = Tape<float>()
                    let y = Sequential<float>(Activation<float> kind).Apply(tape.Input sweep)
                    Expect.equal y.Place "0" $"{kind}")

            testCase "one kind has a parameter: a slope, 0.25 at the start, which is used and learned" (fun () ->
                for kind in ActivationKind.Identity :: List.map fst rules do
                    let layer = Activation<float>(kind)
                    let names = layer.Parameters |> Seq.map _.Name |> List.ofSeq
                    Expect.equal names (if kind = ActivationKind.PRelu then [ "slope" ] else []) $"{kind}"

                let layer = Activation<float>(ActivationKind.PRelu)
                let slope = Seq.exactlyOne layer.Parameters
                Expect.equal (slope.Value.Shape, slope.Value[0]) (shape [ 1 ], 0.25) "start"
                slope.Value[0] <- -2.0
                let ones = tensor [ 3 ] [ 1.0; 1.0; 1.0 ]

                let y, _ = runAlong ones [ tensor [ 3 ] [ -1.0; -3.0; 5.0 ] ] (fun _ x -> layer.Apply(x[0]))

                Expect.equal (floats y) [| 2.0; 6.0; 5.0 |] "value"
                Expect.equal slope.Gradient[0] -4.0 "gradient: the sum of what is negative")

            testCase "gated kinds take two inputs and are refused" (fun () ->
                for kind in gated do
                    refuses<ArgumentException, _>
                        [ $"{kind} takes two inputs"; "use a GatedLinear"; "kind" ]
                        (fun () -> Activation<float>(kind)))
        ]
