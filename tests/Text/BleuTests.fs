module Hybrid.Tests.Text.BleuTests

open System
open System.Collections.Generic
open Expecto
open FsCheck.FSharp
open Hybrid.Text
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

type private Tokens = IReadOnlyList<string>

let private tokens (text: string) = text.Split(' ', StringSplitOptions.RemoveEmptyEntries) :> Tokens

let private bleu (longest: int) (candidates: string list) (references: string list list) =
    let references = [| for each in references -> [| for one in each -> tokens one |] :> IReadOnlyList<Tokens> |]
    Bleu.Of([| for one in candidates -> tokens one |], references, longest)

// The examples of Papineni et al., section 2.1.
let private first =
    "It is a guide to action which ensures that the military always obeys the commands of the party"

let private second = "It is to insure the troops forever hearing the activity guidebook that party direct"

let private references =
    [
        "It is a guide to action that ensures that the military will forever heed Party commands"
        "It is the guiding principle which guarantees the military forces always being under the command of the Party"
        "It is the practical guide for the army always to heed the directions of the party"
    ]

let private sentence =
    Gen.choose (0, 9)
    |> Gen.bind (fun length -> Gen.listOfLength length (Gen.elements [ "a"; "b"; "c"; "d" ]))
    |> Gen.map (String.concat " ")

let private corpus = Gen.choose (1, 5) |> Gen.bind (fun size -> Gen.listOfLength size (Gen.two sentence))

[<Tests>]
let tests =
    testList
        "Text.Bleu"
        [
            testCase "a word counts no more often than a reference has it" (fun () ->
                let found =
                    bleu
                        1
                        [ "the the the the the the the" ]
                        [ [ "the cat is on the mat"; "there is a cat on the mat" ] ]

                expectNear 1e-15 found.Precisions[0] (2.0 / 7.0) "2 of 7, as in the paper")

            testCase "the paper's two translations have the paper's precisions" (fun () ->
                let found = bleu 2 [ first.ToLowerInvariant() ] [ references |> List.map _.ToLowerInvariant() ]
                expectNear 1e-15 found.Precisions[0] (17.0 / 18.0) "words of the first"
                expectNear 1e-15 found.Precisions[1] (10.0 / 17.0) "pairs of the first"
                let found = bleu 2 [ second.ToLowerInvariant() ] [ references |> List.map _.ToLowerInvariant() ]
                expectNear 1e-15 found.Precisions[0] (8.0 / 14.0) "words of the second"
                expectNear 1e-15 found.Precisions[1] (1.0 / 13.0) "pairs of the second")

            testCase "by hand: precisions, penalty and score of two sentences together" (fun () ->
                // Words 4 + 3 of 5 + 4, pairs 3 + 1 of 4 + 3; lengths 9 and 11.
                let found = bleu 2 [ "a b c d x"; "a b y e" ] [ [ "a b c d e f" ]; [ "a b c d e" ] ]

                expectNear 1e-15 found.Precisions[0] (7.0 / 9.0) "words"
                expectNear 1e-15 found.Precisions[1] (4.0 / 7.0) "pairs"
                expectNear 1e-15 found.BrevityPenalty (exp (1.0 - 11.0 / 9.0)) "penalty"
                expectNear 1e-15 found.Score (exp (1.0 - 11.0 / 9.0) * sqrt (7.0 / 9.0 * 4.0 / 7.0)) "score"
                Expect.equal (found.CandidateLength, found.ReferenceLength) (9, 11) "lengths"
                covers [ "BLEU-1"; "BLEU-2"; "BLEU-3" ])

            testCase "the closest reference sets the length, of two the shorter" (fun () ->
                let found = bleu 1 [ "a b c" ] [ [ "a b c d"; "a b"; "a" ] ]
                Expect.equal found.ReferenceLength 2 "length"
                Expect.equal found.BrevityPenalty 1.0 "penalty")

            propertyOf
                corpus
                200
                "a score lies in [0, 1]; the reference itself scores 1 or has no phrase of four"
                (fun corpus ->
                    let candidates, references = List.unzip corpus

                    let score (candidates: string list) =
                        (bleu 4 candidates [ for one in references -> [ one ] ]).Score

                    let found = score candidates
                    Expect.isTrue (found >= 0.0 && found <= 1.0) $"{found}"
                    let isLong = references |> List.exists (fun one -> (tokens one).Count >= 4)
                    expectNear 1e-12 (score references) (if isLong then 1.0 else 0.0) "the reference")

            propertyOf corpus 200 "the order of the sentences and one more reference do no harm" (fun corpus ->
                let candidates, references = List.unzip corpus
                let found = bleu 3 candidates [ for one in references -> [ one ] ]
                let turned = bleu 3 (List.rev candidates) [ for one in List.rev references -> [ one ] ]
                expectNear 1e-12 turned.Score found.Score "turned round"
                let more = bleu 3 candidates [ for one in references -> [ one; "b c d" ] ]

                for n in 0..2 do
                    Expect.isGreaterThanOrEqual more.Precisions[n] found.Precisions[n] "precision")

            testCase "nothing, and no match, score 0" (fun () ->
                Expect.equal (bleu 4 [] []).Score 0.0 "no sentence"
                Expect.equal (bleu 4 [ "" ] [ [ "a b c d e" ] ]).Score 0.0 "no word"
                Expect.equal (bleu 4 [ "a b c" ] [ [ "a b c" ] ]).Score 0.0 "no phrase of four")

            testCase "bad input is refused" (fun () ->
                refuses<ArgumentException, _> [ "got 1 and 2" ] (fun () -> bleu 4 [ "a" ] [ [ "a" ]; [ "b" ] ])
                refuses<ArgumentException, _> [ "no reference" ] (fun () -> bleu 4 [ "a" ] [ [] ])
                refusesRange [ "longest" ] (fun () -> bleu 0 [ "a" ] [ [ "a" ] ]))
        ]
