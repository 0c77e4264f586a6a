namespace Hybrid.Scripts

open Hybrid.Data

open Hybrid.Files
open Hybrid.Text

[<AutoOpen>]
module Reading =
    /// What an action reads; a file that cannot be read ends the page with the cause.
    let reading (action: unit -> 'T) =
        try
            action ()
        with :? DataFileException as error ->
            Host.refuse error.Message

/// The words of CMUdict with their accepted pronunciations, without stress marks, and both as sequences of ids.
[<RequireQualifiedAccess>]
module Pronunciations =
    /// A word's source tokens.
    let letters (word: string) = [| for letter in word -> string letter |]

    let private unstressed (pronunciation: string) = pronunciation.Split ' ' |> Array.map _.TrimEnd('0', '1', '2')

    /// Each word of a part (train, valid or test) with its accepted pronunciations.
    let words part =
        reading (fun () -> TsvPairs.Read(dataFile $"cmudict-g2p/{part}.tsv.gz"))
        |> Array.map (fun struct (word, pronunciation) -> word, unstressed pronunciation)
        |> Array.groupBy fst
        |> Array.map (fun (word, entries) -> word, entries |> Array.map snd |> Array.distinct)

    /// The letters and the phonemes of some words.
    let vocabularies (words: (string * string[][])[]) =
        Vocabulary.Of(words |> Seq.map (fun (word, _) -> letters word)),
        Vocabulary.Of(words |> Seq.collect (fun (_, pronunciations) -> Seq.cast<string seq> pronunciations))

    /// A pair for each pronunciation of each word.
    let pairs (spellings: Vocabulary) (sounds: Vocabulary) (words: (string * string[][])[]) =
        [|
            for word, pronunciations in words do
                for pronunciation in pronunciations do
                    SequencePair(spellings.Encode(letters word), sounds.Encode pronunciation)
        |]
