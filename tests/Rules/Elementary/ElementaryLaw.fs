/// The law of every elementary rule. What each is of numbers, and what it refuses, is held by the files beside this one.
module Hybrid.Tests.Rules.Elementary.ElementaryLaw

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Law
open Hybrid.Tests.Support

let private of3 (sizes: Sizes) = [ normal sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ] ]
let private ofRows rows (sizes: Sizes) = [ normal sizes.Random [ sizes.Batch; rows sizes; sizes.Columns ] ]

let private parts count extents (sizes: Sizes) =
    let random = sizes.Random
    List.init count (fun _ -> normal random (extents sizes))

/// Two of one shape.
let private two = parts 2 (fun sizes -> [ sizes.Rows; sizes.Columns ])

/// Two that are repeated along each other.
let private crossed (sizes: Sizes) =
    let random = sizes.Random
    [ normal random [ sizes.Batch; sizes.Rows; 1 ]; normal random [ 1; sizes.Columns ] ]

/// Two tensors no number of which is near another.
let private apartFrom (a: int list) (b: int list) (random: RandomStream) =
    let count = List.fold (*) 1
    let all = floats (apart random [ count a + count b ])
    [ tensor a all[.. count a - 1]; tensor b all[count a ..] ]

let twoApart (sizes: Sizes) = apartFrom [ sizes.Rows; sizes.Columns ] [ sizes.Rows; sizes.Columns ] sizes.Random

let private crossedApart (sizes: Sizes) = apartFrom [ sizes.Batch; sizes.Rows; 1 ] [ 1; sizes.Columns ] sizes.Random

let private awayFrom0 = List.map (mapTensor (fun x -> x + 0.5 * float (sign x)))

let any (sizes: Sizes) = normal sizes.Random [ sizes.Rows; sizes.Columns ]
let away (sizes: Sizes) = any sizes |> mapTensor (fun x -> x + 0.3 * float (sign x))
let positive (sizes: Sizes) = any sizes |> mapTensor (fun x -> 0.3 + abs x)
let spread (sizes: Sizes) = apart sizes.Random [ sizes.Rows; sizes.Columns ]

let private factors (sizes: Sizes) =
    let random = sizes.Random

    [
        normal random [ sizes.Batch; sizes.Rows; sizes.Inner ]
        normal random [ sizes.Batch; sizes.Inner; sizes.Columns ]
    ]

/// By a mask of the last axis: every third number is the second's.
let private choose (x: Variable<'T>[]) =
    let columns = max x[0].Shape.Columns x[1].Shape.Columns
    let mask = tensor [ columns ] (Array.init columns (fun i -> if i % 3 = 2 then 'T.Zero else 'T.One))
    x[0].Where(mask, x[1])

/// The first and the last of three parts: one cotangent is missing, and each of the others is its own.
let private firstAndLast (x: Variable<'T>) =
    let struct (a, _, c) = x.Split3 1
    a + c.Scale -0.6

let private ofTwo name ids draw drawCrossed (on: Variable<'T>[] -> Variable<'T>) : Entry<'T> list =
    [
        elementary name draw ids on |> emptyAt [ [ 0; 3 ]; [ 0; 3 ] ]
        elementary $"{name}, both repeated" drawCrossed ids on |> emptyAt [ [ 0; 1 ]; [ 1; 3 ] ]
    ]

let private ofOne name ids draw (on: Variable<'T> -> Variable<'T>) : Entry<'T> =
    elementary name (draw >> List.singleton) ids (fun x -> on x[0]) |> emptyAt [ [ 0; 3 ] ]

let private entries () : Entry<'T> list =
    [
        yield! ofTwo "Add" [ "ADD-2"; "ADD-3" ] two crossed (fun x -> x[0].Add x[1])
        yield! ofTwo "Subtract" [ "SUB-2"; "SUB-3" ] two crossed (fun x -> x[0].Subtract x[1])
        yield! ofTwo "Multiply" [ "MUL-2"; "MUL-3" ] two crossed (fun x -> x[0].Multiply x[1])
        yield! ofTwo "Divide" [ "DIV-2"; "DIV-3" ] (two >> awayFrom0) (crossed >> awayFrom0) (fun x -> x[0].Divide x[1])
        yield! ofTwo "Minimum" [ "MIN-2"; "MIN-3" ] twoApart crossedApart (fun x -> x[0].Minimum x[1])
        yield! ofTwo "Maximum" [ "MAX-2"; "MAX-3" ] twoApart crossedApart (fun x -> x[0].Maximum x[1])
        yield! ofTwo "Where" [ "WHERE-2"; "WHERE-3" ] twoApart crossedApart choose
        ofOne "Negate" [ "NEG-2" ] any _.Negate()
        ofOne "Exp" [ "EXP-2" ] any _.Exp()
        ofOne "Log" [ "LOG-2" ] positive _.Log()
        ofOne "Square" [ "SQR-2" ] any _.Square()
        ofOne "Sqrt" [ "SQRT-2" ] positive _.Sqrt()
        ofOne "Abs" [ "ABS-2" ] away _.Abs()
        for p in [ 3.0; 2.0; 1.0; 0.0; -1.0 ] do
            ofOne $"Power, {p}" [ "POW-2" ] away _.Power(p)
        for p in [ 0.5; 1.7; -0.5 ] do
            ofOne $"Power, {p} of positive numbers" [ "POW-2" ] positive _.Power(p)
        ofOne "NormalCdf" [ "PHI-2" ] any _.NormalCdf()
        // Bounds that none of the numbers meets, nor 0.7 times one.
        ofOne "Clamp" [ "CLAMP-2" ] spread _.Clamp(-0.51, 0.29)
        elementary "Sum" of3 [ "SUM-2" ] (fun x -> x[0].Sum(0, 2)) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "Mean" of3 [ "MEAN-2" ] (fun x -> x[0].Mean([| 1 |], true)) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "LogSumExp" of3 [ "LSE-2" ] (fun x -> x[0].LogSumExp 1) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "LogSoftmax" of3 [ "LSM-2" ] (fun x -> x[0].LogSoftmax()) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary
            "Max"
            (fun sizes -> [ apart sizes.Random [ sizes.Batch; sizes.Rows; sizes.Columns ] ])
            [ "AMAX-2"; "AMAX-3" ]
            (fun x -> x[0].Max(0, 2))
        elementary "Permute" of3 [ "PERM-2" ] (fun x -> x[0].Permute(2, 0, 1)) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "Permute, the last axis in place" of3 [ "PERM-2" ] (fun x -> x[0].Permute(1, 0, -1))
        elementary "Transpose" of3 [ "TR-2" ] (fun x -> x[0].Transpose()) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "Reshape" (any >> List.singleton) [ "RS-2" ] (fun x ->
            x[0].Reshape(shape [ x[0].Shape.Columns; 1; x[0].Shape[0] ]))
        elementary "Scale" of3 [ "SCL-2" ] (fun x -> x[0].Scale -1.7) |> emptyAt [ [ 0; 2; 3 ] ]
        elementary "MatMul" factors [ "MM-2"; "MM-3" ] (fun x -> x[0].MatMul x[1])
        |> emptyAt [ [ 0; 2; 3 ]; [ 0; 3; 4 ] ]
        elementary
            "Concatenate"
            (parts 3 (fun sizes -> [ sizes.Batch; sizes.Rows; sizes.Columns ]))
            [ "CAT-2" ]
            _.Concatenate(1)
        |> emptyAt [ [ 0; 2; 1 ]; [ 0; 3; 1 ]; [ 0; 2; 1 ] ]
        elementary "Stack" (parts 3 (fun sizes -> [ sizes.Batch; sizes.Rows; sizes.Columns ])) [ "STACK-2" ] _.Stack(1)
        |> emptyAt [ [ 0; 2 ]; [ 0; 2 ] ]
        elementary "Split" (ofRows (fun sizes -> 3 * sizes.Rows)) [ "SPLIT-2" ] (fun x -> firstAndLast x[0])
        |> emptyAt [ [ 0; 3; 1 ] ]
        elementary "Slice" (ofRows (fun sizes -> sizes.Rows + 2)) [ "SLICE-2" ] (fun x -> x[0].Slice(1, 1, 2))
        |> emptyAt [ [ 0; 3; 1 ] ]
        |> hidesNaN
        elementary
            "Gather"
            (fun sizes -> [ normal sizes.Random [ 3; sizes.Rows; sizes.Columns ] ])
            [ "GATH-2" ]
            (fun x -> x[0].Gather([| 2; 0; 2; 1 |], shape [ 2; 2 ]))
        |> emptyAt [ [ 3; 0 ] ]
        elementary
            "ScatterAdd"
            (fun sizes -> [ normal sizes.Random [ 2; 2; sizes.Rows; sizes.Columns ] ])
            [ "SCAT-2" ]
            (fun x -> x[0].ScatterAdd([| 2; 0; 2; 1 |], 4, shape [ 2; 2 ]))
        |> emptyAt [ [ 2; 2; 0 ] ]
        elementary "Pick" (fun sizes -> [ normal sizes.Random [ 2; 2; 3 ] ]) [ "PICK-2" ] (fun x ->
            x[0].Pick [| 0; 2; 1; 1 |])
    ]

let private cases =
    Law.cases
        { new ITable with
            member _.Entries() = entries ()
        }

[<Tests>]
let tests =
    testList
        "Rules.Elementary.Law"
        [
            yield! List.map law cases
            testCase "no elementary rule is left out" (fun () -> expectComplete cases ((=) "Elementary"))
        ]
