module Hybrid.Tests.Text.EditDistanceTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Text
open Hybrid.Tests.Support

let private between (from: 'T[]) (into: 'T[]) = EditDistance.Between(ReadOnlySpan from, ReadOnlySpan into)

let private words (from: string) (into: string) = between (from.ToCharArray()) (into.ToCharArray())

/// By definition, without a table; only for short sequences.
let rec private longhand (from: int list) into =
    match from, into with
    | [], rest
    | rest, [] -> rest.Length
    | a :: from', b :: into' ->
        let substituted = longhand from' into' + (if a = b then 0 else 1)
        min substituted (1 + min (longhand from' into) (longhand from into'))

let private sequence limit =
    gen {
        let! length = Gen.choose (0, limit)
        return! Gen.arrayOfLength length (Gen.choose (0, 3))
    }

let private three = Gen.three (sequence 9)

[<Tests>]
let tests =
    testList
        "Text.EditDistance"
        [
            testCase "known distances" (fun () ->
                for from, into, expected in
                    [
                        "kitten", "sitting", 3
                        "saturday", "sunday", 3
                        "intention", "execution", 5
                        "flaw", "lawn", 2
                        "abc", "abc", 0
                        "abc", "", 3
                        "", "", 0
                        "ab", "ba", 2
                        "a", "b", 1
                    ] do
                    Expect.equal (words from into) expected $"{from} to {into}")

            propertyOf (Gen.two (sequence 5)) 40 "equals the definition" (fun (a, b) ->
                Expect.equal (between a b) (longhand (List.ofArray a) (List.ofArray b)) "distance")

            propertyOf
                three
                100
                "is a metric: zero only between equals, symmetric, never shorter by a detour"
                (fun (a, b, c) ->
                    Expect.equal (between a b = 0) (a = b) "zero"
                    Expect.equal (between a b) (between b a) "symmetric"
                    Expect.isLessThanOrEqual (between a c) (between a b + between b c) "detour")

            propertyOf
                three
                100
                "a common beginning or end does not count, and lengths bound the distance"
                (fun (a, b, c) ->
                    Expect.equal (between (Array.append c a) (Array.append c b)) (between a b) "beginning"
                    Expect.equal (between (Array.append a c) (Array.append b c)) (between a b) "end"
                    Expect.isGreaterThanOrEqual (between a b) (abs (a.Length - b.Length)) "at least"
                    Expect.isLessThanOrEqual (between a b) (max a.Length b.Length) "at most")

            testCase "whole tokens are compared, not their letters" (fun () ->
                Expect.equal (between [| "AH"; "K" |] [| "AH"; "KK"; "S" |]) 2 "phonemes")
        ]
