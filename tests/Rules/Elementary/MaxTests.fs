module Hybrid.Tests.Rules.Elementary.MaxTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Rules.Elementary.Naive

let private largest (axes: int[]) keep _ (x: Variable<_>[]) = x[0].Max(axes, keep)

/// A few whole numbers, so that ties are frequent.
let private tied (random: RandomStream) extents = build extents (fun _ -> float (random.NextBelow 3))

[<Tests>]
let tests =
    testList
        "Rules.Elementary.Max"
        [
            property 25 "the gradient agrees with central differences, over any axes" (fun sizes ->
                let random = sizes.Random
                let given, _ = drawnAxes random 3
                let x = apart random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                Gradients.expectRule "Max" random [ x ] [] (largest given (sizes.Seed % 2 = 0))
                covers [ "AMAX-2"; "AMAX-3" ])

            property 50 "equals the largest index by index, over any axes, kept or dropped" (fun sizes ->
                let random = sizes.Random
                let x = normal random [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                let given, axes = drawnAxes random 4
                let keep = sizes.Seed % 2 = 0
                expectSame 0.0 (valueOf [ x ] (largest given keep)) (reduce List.max axes keep x) "largest"
                covers [ "AMAX-1" ])

            property
                50
                "of equal ones the first in row-major order gets the whole gradient, over any axes"
                (fun sizes ->
                    let random = sizes.Random
                    let extents = [ sizes.Batch; sizes.Rows; sizes.Inner; sizes.Columns ]
                    let x = tied random extents
                    let given, axes = drawnAxes random 4
                    let y, dx = runDouble random [ x ] (largest given true)
                    let axes = Set.ofList (if axes.IsEmpty then [ 0..3 ] else axes)
                    let place index = index |> List.mapi (fun axis i -> if axes.Contains axis then 0 else i)

                    for _, group in indices extents |> List.groupBy place do
                        let first = group |> List.find (fun index -> at x index = at y (place index))
                        Expect.notEqual (at dx[0] first) 0.0 "the first"
                        Expect.all (List.except [ first ] group) (fun index -> at dx[0] index = 0.0) "the others"

                    covers [ "AMAX-2"; "AMAX-3" ])

            property 25 "the gradients sum to the cotangents" (fun sizes ->
                let x = tied sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ]
                let given, axes = drawnAxes (RandomStream(uint64 sizes.Seed)) 3
                let extents = extentsOf (valueOf [ x ] (largest given true))
                let dy = normal sizes.Random extents
                let _, dx = runAlong dy [ x ] (largest given true)
                expectSame 1e-15 (reduce List.sum axes true dx[0]) dy "sums")

            testCase "many rows and long ones, shared out over the workers" (fun () ->
                let random = RandomStream 4UL

                for extents, axis, other in [ [ 300; 200 ], 1, 0; [ 300; 200 ], 0, 1; [ 2; 60_000 ], 1, 0 ] do
                    let x = apart random extents

                    let y, dx =
                        runAlong
                            (tensor [ extents[other] ] (Seq.replicate extents[other] 1.0))
                            [ x ]
                            (largest [| axis |] false)

                    let lines = if axis = 1 then rowsOf x else Array.transpose (rowsOf x)
                    Expect.equal (floats y) (Array.map Array.max lines) "value"
                    let gradients = if axis = 1 then rowsOf dx[0] else Array.transpose (rowsOf dx[0])

                    let expected =
                        lines
                        |> Array.map (fun line -> line |> Array.map (fun v -> if v = Array.max line then 1.0 else 0.0))

                    Expect.equal (Array.concat gradients) (Array.concat expected) "gradient")

            testCase "the largest of a scalar is the scalar, which gets the gradient" (fun () ->
                let y, dx = runAlong (tensor [] [ 3.0 ]) [ tensor [] [ -2.0 ] ] (largest [||] false)
                Expect.equal (floats y, floats dx[0]) ([| -2.0 |], [| 3.0 |]) "value and gradient")

            testCase "NaN is the largest and gets the gradient; infinities are numbers like others" (fun () ->
                for axis, extents in [ 1, [ 1; 4 ]; 0, [ 4; 1 ]; 0, [ 4; 2 ] ] do
                    let repeat (column: float list) =
                        tensor extents (column |> List.collect (List.replicate (if extents = [ 4; 2 ] then 2 else 1)))

                    let check column expected gradient =
                        let x = repeat column
                        let dy = mapTensor (fun _ -> 1.0) (valueOf [ x ] (largest [| axis |] false))
                        let y, dx = runAlong dy [ x ] (largest [| axis |] false)
                        Expect.all (floats y) (fun y -> y.Equals(expected: float)) "value"
                        Expect.equal (floats dx[0]) (floats (repeat gradient)) "gradient"

                    check [ 1.0; nan; infinity; nan ] nan [ 0.0; 1.0; 0.0; 0.0 ]
                    check [ -infinity; -infinity; -infinity; -infinity ] -infinity [ 1.0; 0.0; 0.0; 0.0 ]
                    check [ 0.0; infinity; -infinity; infinity ] infinity [ 0.0; 1.0; 0.0; 0.0 ])

            testCase "the pullback reads x: a change in between is refused" (fun () ->
                expectRereads (tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ]) (fun x -> x.Max(0)))

            testCase "the largest of nothing is refused, an empty batch is not" (fun () ->
                let apply (axes: int[]) extents () = Max.Forward(axes, false, zeros<float> extents, Arena())
                refusesShape [ "[2, 0]"; "axes [1]"; "no largest number" ] (apply [| 1 |] [ 2; 0 ])
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0; 3 ] ] (largest [| 1 |] false)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 0 ], shape [ 0; 3 ]) "shapes"
                refusesShape [ "no axis 2" ] (apply [| 2 |] [ 2; 1 ]))
        ]
