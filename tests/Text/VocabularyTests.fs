module Hybrid.Tests.Text.VocabularyTests

open System
open Expecto
open FsCheck.FSharp
open Hybrid.Text
open Hybrid.Tests.Support

let private sequences =
    gen {
        let! count = Gen.choose (0, 5)
        let token = Gen.choose (0, 30) |> Gen.map (fun number -> $"t{number}")
        return! Gen.listOfLength count (Gen.listOfLength 6 token)
    }

let private vocabularyOf (sequences: string list list) = Vocabulary.Of(sequences |> Seq.map Seq.ofList)

[<Tests>]
let tests =
    testList
        "Text.Vocabulary"
        [
            propertyOf sequences 40 "what it was built from comes back from its ids" (fun sequences ->
                let vocabulary = vocabularyOf sequences

                for sequence in sequences do
                    Expect.equal (vocabulary.Decode(vocabulary.Encode sequence)) (Array.ofList sequence) "round trip")

            propertyOf
                sequences
                40
                "the order of the sequences does not matter, and repeats do not count"
                (fun sequences ->
                    let tokens = List.ofSeq (vocabularyOf sequences).Tokens
                    Expect.equal (List.ofSeq (vocabularyOf (List.rev sequences @ sequences)).Tokens) tokens "tokens"
                    Expect.equal tokens.Length (3 + (List.concat sequences |> List.distinct).Length) "count")

            testCase "padding, begin and end are 0, 1 and 2, the rest follow in ordinal order" (fun () ->
                let vocabulary = vocabularyOf [ [ "b"; "a" ]; [ "ä"; "B" ] ]

                Expect.equal
                    (List.ofSeq vocabulary.Tokens)
                    [ "<pad>"; "<begin>"; "<end>"; "B"; "a"; "b"; "ä" ]
                    "tokens"

                Expect.equal (Vocabulary.Padding, Vocabulary.Begin, Vocabulary.End) (0, 1, 2) "special ids"
                Expect.equal vocabulary.Count 7 "count"
                Expect.equal (vocabulary.Encode [ "B"; "b" ]) [| 3; 5 |] "ids")

            testCase "nothing encodes to nothing" (fun () ->
                let vocabulary = vocabularyOf []
                Expect.equal vocabulary.Count 3 "special tokens only"
                Expect.equal (vocabulary.Encode [], vocabulary.Decode []) ([||], [||]) "empty")

            testCase "an unknown token is refused by name" (fun () ->
                let vocabulary = vocabularyOf [ [ "a" ] ]

                refuses<ArgumentException, _>
                    [ "'q' is not in the vocabulary of 4 tokens"; "leave the text out" ]
                    (fun () -> vocabulary.Encode [ "a"; "q" ]))

            testCase "an id outside the vocabulary is refused" (fun () ->
                for id in [ 4; -1; Int32.MaxValue ] do
                    refusesRange [ $"id {id} lies outside the vocabulary of 4 tokens" ] (fun () ->
                        (vocabularyOf [ [ "a" ] ]).Decode [ 3; id ]))

            testCase "a vocabulary comes back from its tokens, and from nothing else" (fun () ->
                let vocabulary = vocabularyOf [ [ "b"; "a"; "é" ] ]

                Expect.equal
                    (List.ofSeq (Vocabulary.FromTokens vocabulary.Tokens).Tokens)
                    (List.ofSeq vocabulary.Tokens)
                    "tokens"

                let refused fragment tokens =
                    refuses<ArgumentException, _> [ fragment ] (fun () -> Vocabulary.FromTokens tokens)

                refused "starts with <pad>, <begin>, <end>" [ "a"; "<begin>"; "<end>" ]
                refused "starts with <pad>, <begin>, <end>" [ "<pad>"; "<begin>" ]
                refused "'a' appears twice" [ "<pad>"; "<begin>"; "<end>"; "a"; "b"; "a" ])

            testCase "text that contains a special token is refused" (fun () ->
                for token in [ "<pad>"; "<begin>"; "<end>" ] do
                    refuses<ArgumentException, _> [ $"'{token}'"; "special"; "rename it" ] (fun () ->
                        vocabularyOf [ [ "a"; token ] ]))
        ]
