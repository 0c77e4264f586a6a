/// Subtract, Multiply, Divide, Negate, and the operators.
module Hybrid.Tests.Rules.Elementary.ArithmeticTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

/// Two of one shape.
let private two (sizes: Sizes) =
    let random = sizes.Random
    [ normal random [ sizes.Rows; sizes.Columns ]; normal random [ sizes.Rows; sizes.Columns ] ]

let private awayFrom0 = List.map (mapTensor (fun x -> x + 0.5 * float (sign x)))

/// The value of an expression of one variable or two.
let private value (inputs: Tensor<float> list) (f: Variable<float>[] -> Variable<float>) =
    floats (valueOf inputs (fun _ x -> f x))

[<Tests>]
let tests =
    testList
        "Rules.Arithmetic"
        [
            property 25 "the operators are the rules, with variables and with numbers on both sides" (fun sizes ->
                let x = two sizes |> awayFrom0
                let a, b = floats x[0], floats x[1]
                Expect.equal (value x (fun x -> x[0] + x[1])) (Array.map2 (+) a b) "a + b"
                Expect.equal (value x (fun x -> x[0] - x[1])) (Array.map2 (-) a b) "a - b"
                Expect.equal (value x (fun x -> x[0] * x[1])) (Array.map2 (*) a b) "a * b"
                Expect.equal (value x (fun x -> x[0] / x[1])) (Array.map2 (/) a b) "a / b"
                Expect.equal (value x (fun x -> -x[0])) (Array.map (~-) a) "-a"
                Expect.equal (value x (fun x -> x[0] + 3.0)) (a |> Array.map (fun a -> a + 3.0)) "a + 3"
                Expect.equal (value x (fun x -> 3.0 + x[0])) (a |> Array.map (fun a -> 3.0 + a)) "3 + a"
                Expect.equal (value x (fun x -> x[0] - 3.0)) (a |> Array.map (fun a -> a - 3.0)) "a - 3"
                Expect.equal (value x (fun x -> 3.0 - x[0])) (a |> Array.map (fun a -> 3.0 - a)) "3 - a"
                Expect.equal (value x (fun x -> x[0] * 3.0)) (a |> Array.map (fun a -> a * 3.0)) "a * 3"
                Expect.equal (value x (fun x -> 3.0 * x[0])) (a |> Array.map (fun a -> 3.0 * a)) "3 * a"
                Expect.equal (value x (fun x -> x[0] / 3.0)) (a |> Array.map (fun a -> a / 3.0)) "a / 3"
                Expect.equal (value x (fun x -> 3.0 / x[0])) (a |> Array.map (fun a -> 3.0 / a)) "3 / a"
                covers [ "NEG-1" ])

            property 10 "the gradient of a formula of operators agrees with central differences" (fun sizes ->
                let random = sizes.Random
                let inputs = two sizes @ [ normal random [ sizes.Columns ] ] |> awayFrom0

                Gradients.expectRule "operators" random inputs [] (fun _ x ->
                    let a, b, c = x[0], x[1], x[2]
                    (2.0 - a) * b / c - (a + 1.0) / (4.0 + c * c) + 3.0 / c - -b * 0.5 + b / 2.0 - 1.0))

            testCase "a parameter on one side takes the tape of the other; alone it belongs to none" (fun () ->
                let tape = Tape<float>()
                let w = Parameter("w", tensor [ 2 ] [ 2.0; 3.0 ])
                let x = tape.Input(tensor [ 2 ] [ 5.0; 7.0 ])
                let y = w * x - w / x
                tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])
                expectClose 1e-15 (floats w.Gradient) [| 5.0 - 0.2; 7.0 - 1.0 / 7.0 |] "gradient"
                refuses<InvalidOperationException, _> [ "'w'"; "tape.Of" ] (fun () -> w * w)
                refuses<InvalidOperationException, _> [ "'w'"; "tape.Of" ] (fun () -> w + 1.0))

            testCase "x times x has the gradient 2 x, x minus x none, x over x none" (fun () ->
                let x = tensor [ 3 ] [ 3.0; -1.0; 0.5 ]
                let dy = tensor [ 3 ] [ 1.0; 10.0; 100.0 ]

                let gradient f =
                    let _, dx = runAlong dy [ x ] (fun _ x -> f x[0])
                    floats dx[0]

                Expect.equal (gradient (fun x -> x * x)) [| 6.0; -20.0; 100.0 |] "product"
                Expect.equal (gradient (fun x -> x - x)) [| 0.0; 0.0; 0.0 |] "difference"
                expectClose 1e-14 (gradient (fun x -> x / x)) [| 0.0; 0.0; 0.0 |] "quotient")

            property
                25
                "subtracting is adding what is negated; dividing undoes multiplying by a power of two"
                (fun sizes ->
                    let x = two sizes
                    Expect.equal (value x (fun x -> x[0] - x[1])) (value x (fun x -> x[0] + -x[1])) "difference"
                    Expect.equal (value x (fun x -> x[0] * 8.0 / 8.0)) (floats x[0]) "quotient")

            testCase "what pullbacks do not read again may change between the passes" (fun () ->
                let change (record: Variable<float> -> Variable<float> -> Variable<float>) () =
                    let tape = Tape<float>()
                    let a, b = tensor [ 2 ] [ 1.0; 2.0 ], tensor [ 2 ] [ 3.0; 4.0 ]
                    let y = record (tape.Input a) (tape.Input b)
                    a.MarkChanged()
                    tape.Backward(y, tensor [ 2 ] [ 1.0; 1.0 ])

                for record in [ (fun (a: Variable<float>) b -> a + b); (fun a b -> a - b); (fun a _ -> -a) ] do
                    change record ()

                for record in [ (fun (a: Variable<float>) b -> a * b); (fun a b -> a / b); (fun a b -> b / a) ] do
                    refuses<InvalidOperationException, _> [ "was changed after" ] (change record))

            testCase "division by 0 is as IEEE 754 has it, in value and gradient" (fun () ->
                let y, gradients =
                    runAlong
                        (tensor [ 3 ] [ 1.0; 1.0; 1.0 ])
                        [ tensor [ 3 ] [ 1.0; -1.0; 0.0 ]; zeros [ 3 ] ]
                        (fun _ x -> x[0] / x[1])

                Expect.equal (Array.take 2 (floats y)) [| infinity; -infinity |] "value"
                Expect.isTrue (Double.IsNaN y.Span[2]) "0 / 0"
                Expect.equal (floats gradients[0]) [| infinity; infinity; infinity |] "da"
                Expect.equal (Array.take 2 (floats gradients[1])) [| -infinity; infinity |] "db")

            testCase
                "a quotient of large numbers has a gradient, though the square of the denominator overflows"
                (fun () ->
                    let a, b, dy = tensor [ 1 ] [ 2e30f ], tensor [ 1 ] [ 1e30f ], tensor [ 1 ] [ 1e30f ]
                    let _, gradients = runAlong dy [ a; b ] (fun _ x -> x[0] / x[1])
                    expectClose 1e-6 (floats gradients[1]) [| -2.0 |] "db")

            testCase "NaN on either side shows, at every place of a long row" (fun () ->
                for place in [ 0; 7; 16; 18 ] do
                    let a = tensor [ 19 ] (Array.init 19 (fun i -> if i = place then Single.NaN else 1f))
                    let one = tensor [ 19 ] (Array.create 19 1f)

                    for x in [ [ a; one ]; [ one; a ] ] do
                        for record in
                            [
                                (fun (x: Variable<float32>[]) -> x[0] + x[1])
                                (fun x -> x[0] - x[1])
                                (fun x -> x[0] * x[1])
                                (fun x -> x[0] / x[1])
                            ] do
                            let y = floats (valueOf x (fun _ x -> record x))
                            Expect.equal (Array.findIndex Double.IsNaN y) place "place"
                            Expect.equal (y |> Array.filter Double.IsNaN |> Array.length) 1 "only there")

            testCase "the negative of 0 is -0" (fun () ->
                let y = valueOf [ tensor [ 2 ] [ 0.0; -0.0 ] ] (fun _ x -> -x[0])
                Expect.equal (floats y |> Array.map Double.IsNegative) [| true; false |] "sign")
        ]
