module Hybrid.Tests.Text.BytePairEncodingTests

open System
open System.Collections.Generic
open System.IO
open System.Text
open Expecto
open FsCheck.FSharp
open Hybrid.Data
open Hybrid.Files
open Hybrid.Text
open Hybrid.Tests.Equations
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints

let private word count (symbols: string) = struct (symbols.Split ' ' :> IReadOnlyList<string>, int64 count)

/// Section 3.2 of Sennrich et al.: the dictionary of algorithm 1's program.
let private dictionary =
    [ word 5 "l o w </w>"; word 2 "l o w e r </w>"; word 6 "n e w e s t </w>"; word 3 "w i d e s t </w>" ]

let private pairs (merges: MergeList) = [ for struct (left, right) in merges.Merges -> $"{left} {right}" ]

/// Algorithm 1 as it stands: counts all pairs anew for each merge.
let private longhand (words: (string list * int64) list) count =
    let rec merge left right word =
        match word with
        | a :: b :: rest when a = left && b = right -> a + b :: merge left right rest
        | a :: rest -> a :: merge left right rest
        | [] -> []

    let rec learn words count learned =
        let found =
            [
                for word, count in words do
                    for pair in List.pairwise word -> pair, count
            ]

        let best = found |> List.groupBy fst |> List.map (fun (pair, each) -> pair, List.sumBy snd each)

        match best with
        | [] -> List.rev learned
        | _ ->
            // The first of the most frequent: groupBy keeps the order of first occurrence.
            let (left, right), frequency = List.maxBy snd best

            if count = 0 || frequency < 2L then
                List.rev learned
            else
                let merged = [ for word, count in words -> merge left right word, count ]
                learn merged (count - 1) ($"{left} {right}" :: learned)

    learn words count []

let private gpt2 =
    lazy (BytePairEncoding(MergeList.Read(Path.Combine(root, "scripts", "data", "gpt2-bpe", "vocab.bpe.gz"))))

let private anyText =
    let character =
        Gen.frequency
            [
                6, Gen.elements [ "a"; "b"; "e"; "the"; "'s"; "'"; "1"; "23"; "!"; "..." ]
                3, Gen.elements [ " "; "  "; "\n"; "\t"; "\u00A0"; "\r\n" ]
                2, Gen.elements [ "ä"; "ß"; "é"; "日本"; "🙂"; "👩‍🚀"; "𝒜"; "𐒠"; "\u0301"; "\000"; "\uFEFF" ]
            ]

    Gen.listOf character |> Gen.map (String.concat "")

[<Tests>]
let tests =
    testList
        "Text.BytePairEncoding"
        [
            testCase "the example of Sennrich, Haddow and Birch gives their merges" (fun () ->
                Expect.equal
                    (pairs (MergeList.Learn(dictionary, 10)))
                    [ "e s"; "es t"; "est </w>"; "l o"; "lo w"; "n e"; "ne w"; "new est</w>"; "low </w>"; "w i" ]
                    "merges")

            testCase "a word that was not seen splits into what was" (fun () ->
                let merges = MergeList.Learn(dictionary, 10)
                let split (symbols: string) = merges.Apply(symbols.Split ' ') |> List.ofSeq
                Expect.equal (split "l o w e s t </w>") [ "low"; "est</w>" ] "lowest"
                Expect.equal (split "n e w e r </w>") [ "new"; "e"; "r"; "</w>" ] "newer"
                Expect.equal (split "x") [ "x" ] "one symbol"
                Expect.isEmpty (merges.Apply [||]) "nothing")

            propertyOf
                (gen {
                    let! size = Gen.choose (1, 12)

                    let symbol = Gen.elements [ "a"; "b"; "c"; "aa" ]

                    return!
                        Gen.listOfLength
                            size
                            (gen {
                                let! length = Gen.choose (0, 8)
                                let! symbols = Gen.listOfLength length symbol
                                let! count = Gen.choose (0, 4)
                                return symbols, int64 count
                            })
                })
                300
                "learning gives what counting everything anew gives"
                (fun words ->
                    let ours =
                        MergeList.Learn(
                            [
                                for symbols, count in words ->
                                    struct (Array.ofList symbols :> IReadOnlyList<string>, count)
                            ],
                            20
                        )

                    Expect.equal (pairs ours) (longhand words 20) "merges")

            propertyOf anyText 500 "text comes back whole, under GPT-2's merges and without any" (fun text ->
                for encoding in [ gpt2.Value; BytePairEncoding(MergeList.Of []) ] do
                    Expect.equal (BytePairEncoding.Decode(encoding.Encode text)) text "by symbols"
                    Expect.equal (encoding.DecodeIds(encoding.EncodeToIds text)) text "by ids")

            propertyOf anyText 300 "the pieces of a text are the text" (fun text ->
                Expect.equal (String.Concat(WordSplitter.Split text)) text "pieces")

            testCase "GPT-2's merges give GPT-2's ids" (fun () ->
                for text, ids in
                    [
                        "Hello world", [ 15496; 995 ]
                        "Hello, world!", [ 15496; 11; 995; 0 ]
                        "The quick brown fox jumps over the lazy dog",
                        [ 464; 2068; 7586; 21831; 18045; 625; 262; 16931; 3290 ]
                    ] do
                    Expect.equal (List.ofArray (gpt2.Value.EncodeToIds text)) ids text

                Expect.equal gpt2.Value.Symbols.Count 50256 "symbols; 50256 is the end of a text")

            testCase "pieces are GPT-2's" (fun () ->
                for text, pieces in
                    [
                        "it's we'll I'd", [ "it"; "'s"; " we"; "'ll"; " I"; "'d" ]
                        "a  b", [ "a"; " "; " b" ]
                        "a \n b", [ "a"; " \n"; " b" ]
                        "a\nb", [ "a"; "\n"; "b" ]
                        "a \n", [ "a"; " \n" ]
                        " 's!!'s", [ " '"; "s"; "!!'"; "s" ]
                        "x1y 22", [ "x"; "1"; "y"; " 22" ]
                        "", []
                    ] do
                    Expect.equal (List.ofSeq (WordSplitter.Split text)) pieces text)

            testCase "two languages share what they have in common" (fun () ->
                let encoding = BytePairEncoding.Learn([ "der Finger der Hand"; "the finger of the hand" ], 40)
                Expect.contains encoding.Symbols "inger" "of both"
                Expect.equal (encoding.Encode "Finger") [| "F"; "inger" |] "split")

            testCase "half of a surrogate pair is refused" (fun () ->
                refuses<ArgumentException, _> [ "surrogate"; "remove it" ] (fun () ->
                    gpt2.Value.Encode $"a{char 0xD800}b"))

            testCase "symbols and ids that there are not are refused" (fun () ->
                refuses<ArgumentException, _> [ "<end>"; "special" ] (fun () -> BytePairEncoding.Decode [ "<end> 日" ])

                for id in [ -1; 50256 ] do
                    refusesRange [ string id; "50256" ] (fun () -> gpt2.Value.DecodeIds [ id ]))

            testCase "bytes that are no text become the sign for it" (fun () ->
                let symbol = gpt2.Value.Encode "🙂" |> String.concat "" |> fun all -> all.Substring(0, 2)
                Expect.stringContains (BytePairEncoding.Decode [ symbol ]) "\uFFFD" "sign")

            testCase "a list with a line that is no merge is refused" (fun () ->
                for line in [ "a"; "a b c"; " a"; "a " ] do
                    Files.withBytes (Encoding.UTF8.GetBytes $"#version: 0.2\na b\n{line}\n") (fun path ->
                        refuses<DataFileException, _> [ path + "(3)"; "two symbols" ] (fun () -> MergeList.Read path))

                for merge in [ struct ("a", ""); struct ("", "a") ] do
                    refuses<ArgumentException, _> [ "empty" ] (fun () -> MergeList.Of [ merge ])

                refusesRange [] (fun () -> MergeList.Learn([], -1))
                refusesRange [] (fun () -> MergeList.Learn([], 1, 0L)))
        ]
