module Hybrid.Tests.Text.TokenBatchTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Text
open Hybrid.Tests.Support

let private sequences =
    gen {
        let! count = Gen.choose (1, 6)
        let! lengths = Gen.listOfLength count (Gen.choose (0, 7))
        return lengths |> List.mapi (fun i length -> Array.init length (fun j -> 3 + i + j))
    }

[<Tests>]
let tests =
    testList
        "Text.TokenBatch"
        [
            propertyOf sequences 40 "every row is its sequence, followed by padding" (fun sequences ->
                let batch = TokenBatch(List.toArray sequences)
                let width = sequences |> List.map _.Length |> List.max
                Expect.equal batch.Shape (shape [ sequences.Length; width ]) "shape"
                Expect.equal batch.Lengths (sequences |> List.map _.Length |> Array.ofList) "lengths"

                let padded =
                    sequences
                    |> List.map (fun s -> Array.append s (Array.create (width - s.Length) Vocabulary.Padding))

                Expect.equal batch.Ids (Array.concat padded) "ids"
                Expect.equal batch.HasPadding (sequences |> List.exists (fun s -> s.Length < width)) "padding")

            testCase "a batch without a sequence is refused" (fun () ->
                refuses<ArgumentException, _> [ "at least one sequence" ] (fun () -> TokenBatch [||]))

            testCase "empty sequences make an empty matrix" (fun () ->
                let batch = TokenBatch [| [||]; [||] |]
                Expect.equal batch.Shape (shape [ 2; 0 ]) "shape"
                Expect.isFalse batch.HasPadding "padding")
        ]
