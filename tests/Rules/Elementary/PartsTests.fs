/// Rules that put tensors together and take them apart.
module Hybrid.Tests.Rules.Elementary.PartsTests

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

let private concatenate axis _ (x: Variable<_>[]) = x.Concatenate(axis)
let private stack axis _ (x: Variable<_>[]) = x.Stack(axis)
let private slice axis start length _ (x: Variable<_>[]) = x[0].Slice(axis, start, length)

/// Extents that grow with the sizes, and an axis, counted from either end.
let private drawn (sizes: Sizes) =
    let random = sizes.Random
    let extents = [ sizes.Batch; sizes.Rows; sizes.Columns ]
    let axis = random.NextBelow 3
    random, extents, axis, (if random.NextUniform() < 0.5 then axis else axis - 3)

/// Some parts, each with an extent of its own along the axis, sometimes 0.
let private drawnParts (sizes: Sizes) =
    let random, extents, axis, given = drawn sizes
    [ for _ in 0 .. random.NextBelow 3 -> normal random (replace axis (random.NextBelow 4) extents) ], axis, given

let private concatenations =
    testList
        "Concatenate"
        [
            property 25 "the gradient agrees with central differences, along any axis" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let parts = [ for extent in [ 2; 1; 3 ] -> normal random (replace axis extent extents) ]
                Gradients.expectRule "Concatenate" random parts [] (concatenate given)
                covers [ "CAT-2" ])

            property 50 "each part stands behind the one before it" (fun sizes ->
                let parts, axis, given = drawnParts sizes
                let y = valueOf parts (concatenate given)
                let mutable start = 0

                for x in parts do
                    for index in indices (extentsOf x) do
                        Expect.equal (at y (replace axis (start + index[axis]) index)) (at x index) "element"

                    start <- start + x.Shape[axis]

                Expect.equal y.Shape[axis] start "extent"
                covers [ "CAT-1" ])

            property 25 "each part's gradient is its part of the cotangent" (fun sizes ->
                let parts, axis, given = drawnParts sizes
                let dy = mapTensor ((*) 2.0) (valueOf parts (concatenate given))
                let _, dxs = runAlong dy parts (concatenate given)

                for x, dx in Seq.zip parts dxs do
                    expectSame 0.0 dx (mapTensor ((*) 2.0) x) "part")

            property 25 "concatenating and splitting is the identity, value and gradient" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let parts = [ for _ in 0..2 -> normal random extents ]
                let dy = normal random extents

                for i in 0..2 do
                    let y, dxs = runAlong dy parts (fun _ x -> (x.Concatenate(given).Split(3, axis))[i])
                    expectSame 0.0 y parts[i] "part"

                    for j in 0..2 do
                        expectSame 0.0 dxs[j] (if i = j then dy else zeros extents) "gradient")

            testCase "large parts, shared out over the workers; the last axis by default" (fun () ->
                let random = RandomStream 5UL
                let a, b = normal random [ 500; 60 ], normal random [ 500; 70 ]
                let y = valueOf [ a; b ] (fun _ x -> x[0].Concatenate(x[1]))
                Expect.equal (rowsOf y) (Array.map2 Array.append (rowsOf a) (rowsOf b)) "rows")

            testCase "NaN and infinities pass in the parts they belong to" (fun () ->
                let y = valueOf [ tensor [ 1 ] [ nanf ]; tensor [ 2 ] [ infinityf; 1f ] ] (concatenate 0)
                Expect.isTrue (Single.IsNaN y[0]) "NaN"
                Expect.equal (y[1], y[2]) (infinityf, 1f) "others")

            testCase "a list, a sequence and an array of parameters and variables will do" (fun () ->
                let tape = Tape<float>()
                let p = Parameter("p", tensor [ 1 ] [ 1.0 ])
                let x = tape.Constant(tensor [ 1 ] [ 2.0 ])
                Expect.equal (floats ([ p :> Variable<_>; x ].Concatenate().Value)) [| 1.0; 2.0 |] "list"
                Expect.equal (floats ((Seq.replicate 2 x).Stack().Value)) [| 2.0; 2.0 |] "sequence"
                Expect.equal (floats ((p.Concatenate x).Value)) [| 1.0; 2.0 |] "parameter first")

            testCase "the pullback needs no values" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> x.Concatenate(x)))

            testCase "no parts, a wrong axis and parts that differ elsewhere are refused" (fun () ->
                let apply axis (parts: int list list) () =
                    Concatenate.Forward(axis, (List.map zeros<float> parts |> Array.ofList), Arena())

                refusesShape [ "nothing to concatenate" ] (apply 0 [])
                refusesShape [ "no axis 1"; "[2]" ] (apply 1 [ [ 2 ] ])
                refusesShape [ "every axis but 1"; "[2, 3], [3, 3]" ] (apply -1 [ [ 2; 3 ]; [ 3; 3 ] ])
                refusesShape [ "[2, 3], [2]" ] (apply 1 [ [ 2; 3 ]; [ 2 ] ])

                refusesShape [ "nothing to concatenate" ] (fun () -> (Array.empty<Variable<float>>).Concatenate()))
        ]

let private stacks =
    testList
        "Stack"
        [
            property 20 "the gradient agrees with central differences, wherever the axis" (fun sizes ->
                let random = sizes.Random
                let parts = [ for _ in 0..2 -> normal random [ sizes.Rows; sizes.Columns ] ]
                Gradients.expectRule "Stack" random parts [] (stack (random.NextBelow 6 - 3))
                covers [ "STACK-2" ])

            property 25 "element [.., i, ..] is that of part i" (fun sizes ->
                let random = sizes.Random
                let extents = [ sizes.Rows; sizes.Columns ]
                let parts = [ for _ in 0 .. sizes.Inner - 1 -> normal random extents ]
                let axis = random.NextBelow 3

                let expected =
                    build (List.insertAt axis parts.Length extents) (fun i -> at parts[i[axis]] (List.removeAt axis i))

                expectSame 0.0 (valueOf parts (stack axis)) expected "from the start"
                expectSame 0.0 (valueOf parts (stack (axis - 3))) expected "from the end"
                covers [ "STACK-1" ])

            testCase "scalars become a row, empty tensors an empty one, NaN stays in its place" (fun () ->
                let y = valueOf [ Tensor.Scalar 1.0; Tensor.Scalar nan ] (stack 0)
                Expect.equal (y.Shape, y[0], Double.IsNaN y[1]) (shape [ 2 ], 1.0, true) "row"
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 0 ]; zeros<float32> [ 0 ] ] (stack 0)
                Expect.equal (y.Shape, dx[1].Shape) (shape [ 2; 0 ], shape [ 0 ]) "empty")

            testCase "the pullback needs no values" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> [ x; x ].Stack()))

            testCase "no parts, a wrong axis and unequal parts are refused" (fun () ->
                let apply axis (parts: int list list) () =
                    Stack.Forward(axis, (List.map zeros<float> parts |> Array.ofList), Arena())

                refusesShape [ "nothing to stack" ] (apply 0 [])
                refusesShape [ "no axis 2"; "0 to 1, or -2 to -1" ] (apply 2 [ [ 2 ] ])
                refusesShape [ "no axis -3" ] (apply -3 [ [ 2 ] ])
                refusesShape [ "one shape"; "[2], [3]"; "Concatenate" ] (apply 0 [ [ 2 ]; [ 3 ] ])
                refusesShape [ "nothing to stack" ] (fun () -> (Array.empty<Variable<float>>).Stack()))
        ]

let private splits =
    /// Two of the parts, so that one cotangent is missing and each of the others is its own.
    let firstAndLast n axis _ (x: Variable<_>[]) =
        let parts = x[0].Split(n, axis)
        if n = 1 then parts[0] else parts[0] + parts[n - 1].Scale(-0.6)

    testList
        "Split"
        [
            property 30 "the gradient agrees with central differences, zeros where no cotangent arrives" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let n = 1 + random.NextBelow 3
                let x = normal random (replace axis (n * extents[axis]) extents)
                Gradients.expectRule "Split" random [ x ] [] (firstAndLast n given)
                covers [ "SPLIT-2" ])

            property 30 "part i is what stands along the axis from i parts on" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let n = 1 + random.NextBelow 4
                let x = normal random (replace axis (n * extents[axis]) extents)

                for i in 0 .. n - 1 do
                    let y = valueOf [ x ] (fun _ x -> (x[0].Split(n, given))[i])
                    expectSame 0.0 y (part axis (i * extents[axis]) extents[axis] x) "part"

                covers [ "SPLIT-1" ])

            property 25 "splitting and concatenating is the identity, value and gradient" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let x = normal random (replace axis (2 * extents[axis]) extents)
                let dy = normal random (extentsOf x)
                let y, dx = runAlong dy [ x ] (fun _ x -> x[0].Split(2, given).Concatenate(axis))
                expectSame 0.0 y x "value"
                expectSame 0.0 dx[0] dy "gradient")

            testCase "one rule of several values: two cotangents are written once, a part alone leaves zeros" (fun () ->
                let tape: Tape<float> = usedTape ()
                let x = tape.Input(tensor [ 4 ] [ 1.0; 2.0; 3.0; 4.0 ])
                let struct (a, b, c, d) = x.Split4()
                tape.Backward(c, tensor [ 1 ] [ 5.0 ])
                Expect.equal (floats (gradientOf x)) [| 0.0; 0.0; 5.0; 0.0 |] "the third alone"
                tape.Backward([ d; a ].Concatenate(), tensor [ 2 ] [ 5.0; 7.0 ])
                Expect.equal (floats (gradientOf x)) [| 7.0; 0.0; 0.0; 5.0 |] "two of them"
                Expect.equal (floats b.Value, b.Rule) ([| 2.0 |], "Split") "the second")

            testCase "tuples of two, three and four, along any axis" (fun () ->
                let tape = Tape<float>()
                let x = tape.Constant(build [ 6; 12 ] (fun i -> float (100 * i[0] + i[1])))
                let first (y: Variable<float>) = y.Shape, y.Value[0, 0]
                let struct (_, b) = x.Split2()
                Expect.equal (first b) (shape [ 6; 6 ], 6.0) "two"
                let struct (_, b, c) = x.Split3(axis = 0)
                Expect.equal (first b, first c) ((shape [ 2; 12 ], 200.0), (shape [ 2; 12 ], 400.0)) "three"
                let struct (a, b, c, d) = x.Split4(1)
                let firsts = [ for y in [ a; b; c; d ] -> first y ]
                Expect.equal firsts [ for i in 0..3 -> shape [ 6; 3 ], float (3 * i) ] "four")

            testCase "an empty axis gives empty parts, NaN stays in its part" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 2; 0 ] ] (firstAndLast 2 1)
                Expect.equal (y.Shape, dx[0].Shape) (shape [ 2; 0 ], shape [ 2; 0 ]) "shapes"
                let y = valueOf [ tensor [ 2 ] [ nan; 1.0 ] ] (fun _ x -> (x[0].Split 2)[1])
                Expect.equal (floats y) [| 1.0 |] "the part without")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> (x.Split 2)[1]))

            testCase "no parts, a wrong axis and unequal parts are refused" (fun () ->
                let apply n axis extents () = Split.Forward(n, axis, zeros<float> extents, Arena())
                refusesRange [ "one part or more" ] (apply 0 0 [ 2 ])
                refusesShape [ "no axis 1" ] (apply 2 1 [ 2 ])

                refusesShape [ "axis 1 of [2, 3]"; "2 equal parts"; "a multiple of 2" ] (apply 2 -1 [ 2; 3 ]))
        ]

let private slices =
    /// Where a slice begins and how long it is, within the extent.
    let drawnSlice (random: RandomStream) extent =
        let start = random.NextBelow(extent + 1)
        start, random.NextBelow(extent - start + 1)

    testList
        "Slice"
        [
            property 25 "the gradient agrees with central differences, along any axis" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let extents = replace axis (extents[axis] + 1) extents
                let start, length = drawnSlice random extents[axis]
                let length = if length = 0 then extents[axis] - start else length
                Gradients.expectRule "Slice" random [ normal random extents ] [] (slice given start length)
                covers [ "SLICE-2" ])

            property 50 "holds what stands along the axis from start on; the gradient is 0 elsewhere" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let start, length = drawnSlice random extents[axis]
                let x = normal random extents
                let y, dx = runAlong (normal random (replace axis length extents)) [ x ] (slice given start length)
                expectSame 0.0 y (part axis start length x) "slice"
                let isInside (index: int list) = index[axis] >= start && index[axis] < start + length

                for index in indices extents do
                    Expect.equal (at dx[0] index <> 0.0) (isInside index) "where the gradient is"

                covers [ "SLICE-1"; "SLICE-2" ])

            property 25 "slices side by side, concatenated, are the whole" (fun sizes ->
                let random, extents, axis, given = drawn sizes
                let x, extent = normal random extents, extents[axis]
                let cut = random.NextBelow(extent + 1)

                let y =
                    valueOf [ x ] (fun _ x ->
                        x[0].Slice(given, 0, cut).Concatenate(x[0].Slice(given, cut, extent - cut), axis))

                expectSame 0.0 y x "whole")

            testCase "an empty slice, and NaN outside of one" (fun () ->
                let y, dx = runSingle (RandomStream 1UL) [ zeros<float32> [ 2; 3 ] ] (slice 1 3 0)
                Expect.equal (y.Shape, floats dx[0]) (shape [ 2; 0 ], Array.zeroCreate 6) "empty"
                Expect.equal (floats (valueOf [ tensor [ 2 ] [ nan; 1.0 ] ] (slice 0 1 1))) [| 1.0 |] "NaN"
                Expect.equal (valueOf [ zeros<float> [ 0; 3 ] ] (slice 1 1 2)).Shape (shape [ 0; 2 ]) "no rows")

            testCase "the pullback does not need x" (fun () ->
                expectRereadsNothing (tensor [ 2 ] [ 1.0; 2.0 ]) (fun x -> x.Slice(0, 1, 1)))

            testCase "a slice that lies outside the axis is refused" (fun () ->
                let apply axis start length () = Slice.Forward(axis, start, length, zeros<float> [ 2; 3 ], Arena())
                refusesShape [ "no axis 2" ] (apply 2 0 1)

                for start, length in [ -1, 1; 0, 4; 3, 1; 1, -1; 1, Int32.MaxValue ] do
                    refusesShape
                        [ $"slice of {length} from {start}"; "axis 1 of [2, 3]"; "length ≤ 3" ]
                        (apply 1 start length))
        ]

[<Tests>]
let tests = testList "Rules.Elementary.Parts" [ concatenations; stacks; splits; slices ]
