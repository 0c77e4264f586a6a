module Hybrid.Tests.Models.DecoderCacheTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models.TinyTransformer

/// Longer than the room that a cache begins with.
let private long = 40

let private start (model: Transformer<float>) (sources: int[][]) =
    let source, tape = TokenBatch sources, Tape()
    model.StartDecoding(model.Encode(tape, source), source)

/// Logits after one more token in each row.
let private next (model: Transformer<float>) cache tokens =
    (model.DecodeNext(Tape(), cache, tokens)).Value |> rowsOf |> Array.map Array.copy

let private sources = [| [| 3; 4; 5 |]; [| 6 |]; [||]; [| 7; 8; 9; 10; 11 |] |]

[<Tests>]
let tests =
    testList
        "Models.DecoderCache"
        [
            testCase
                "a token at a time gives what the whole target gives at once, however the switches are set"
                (fun () ->
                    for i, options in List.indexed (everyChoice small) do
                        let model = double { options with MaximumLength = long } (uint64 i)
                        let random = RandomStream(uint64 i)

                        let targets =
                            [|
                                for _ in sources -> Array.append [| Vocabulary.Begin |] (sequence random 12 (long - 1))
                            |]

                        let whole = rowsOf (logits model sources targets)
                        let cache = start model sources

                        for time in 0 .. long - 1 do
                            let rows = next model cache [| for target in targets -> target[time] |]

                            for row in 0 .. rows.Length - 1 do
                                for a, b in Array.zip rows[row] whole[row * long + time] do
                                    Expect.floatClose
                                        { absolute = 1e-12; relative = 1e-12 }
                                        a
                                        b
                                        $"step {time}, row {row}"

                        Expect.equal cache.Time long "time")

            testCase
                "several tokens at once give what the whole target gives, and the cache takes more behind them"
                (fun () ->
                    let model = double { small with MaximumLength = long } 1UL
                    let random = RandomStream 2UL
                    // Beyond the room that a cache begins with.
                    let pieces = [ 3; 20; 1; 5 ]

                    let targets =
                        [|
                            for _ in sources ->
                                Array.append [| Vocabulary.Begin |] (sequence random 12 (List.sum pieces - 1))
                        |]

                    let whole = rowsOf (logits model sources targets)
                    let cache = start model sources
                    let mutable first = 0

                    for count in pieces do
                        let rows =
                            next
                                model
                                cache
                                (targets |> Array.collect (fun target -> target[first .. first + count - 1]))

                        for row in 0 .. sources.Length - 1 do
                            for step in 0 .. count - 1 do
                                let expected = whole[row * List.sum pieces + first + step]
                                expectClose 1e-12 rows[row * count + step] expected $"row {row}, step {first + step}"

                        first <- first + count)

            property 20 "rows that are dropped, doubled and moved go on as they would alone" (fun sizes ->
                let random = sizes.Random
                let model = double { small with MaximumLength = long } (uint64 sizes.Seed)
                let cache = start model sources
                let mutable said = [| for i in 0 .. sources.Length - 1 -> i, ([]: int list) |]

                for step in 1..20 do
                    let tokens = [| for _ in said -> 3 + random.NextBelow 9 |]
                    let rows = next model cache tokens
                    said <- Array.map2 (fun (source, old) token -> source, old @ [ token ]) said tokens

                    if step % 4 = 0 then
                        for (source, tokens), row in Array.zip said rows do
                            let alone =
                                logits model [| sources[source] |] [| List.toArray tokens |] |> rowsOf |> Array.last

                            for a, b in Array.zip row alone do
                                Expect.floatClose { absolute = 1e-12; relative = 1e-12 } a b $"step {step}"

                    let chosen = [| for _ in 1 .. 1 + random.NextBelow 6 -> random.NextBelow said.Length |]
                    cache.Select chosen
                    said <- chosen |> Array.map (fun row -> said[row])
                    Expect.equal cache.Rows chosen.Length "rows")

            testCase
                "no rows, rows that are not there, tokens that are not one a row, and too many steps are refused"
                (fun () ->
                    let model = double tiny 1UL
                    let cache = start model [| [| 3 |]; [| 4 |] |]
                    refuses<ArgumentException, _> [ "none"; "2 of the cache" ] (fun () -> cache.Select [||])
                    refuses<ArgumentException, _> [ "[0, 2]"; "2 of the cache" ] (fun () -> cache.Select [| 0; 2 |])
                    refuses<ArgumentException, _> [ "-1" ] (fun () -> cache.Select [| -1 |])
                    refuses<ArgumentException, _> [ "3 tokens for 2 rows" ] (fun () -> next model cache [| 1; 1; 1 |])

                    for _ in 1..8 do
                        next model cache [| 3; 4 |] |> ignore

                    refuses<ArgumentException, _> [ "9 tokens"; "8 positions" ] (fun () -> next model cache [| 3; 4 |])
                    Expect.equal cache.Time 8 "what was refused is not counted")
        ]
