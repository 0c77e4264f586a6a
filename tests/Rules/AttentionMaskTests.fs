module Hybrid.Tests.Rules.AttentionMaskTests

open Expecto
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let private visible (mask: AttentionMask) sequence queries keys =
    [ for query in 0 .. queries - 1 -> mask.Visible(sequence, query, keys) ]

[<Tests>]
let tests =
    testList
        "Rules.AttentionMask"
        [
            testCase "without a mask every query sees every key" (fun () ->
                Expect.equal (visible AttentionMask.None 1 3 5) [ 5; 5; 5 ] "visible")

            testCase "a causal mask shows query i the keys 0 to i" (fun () ->
                Expect.equal (visible AttentionMask.Causal 0 4 4) [ 1; 2; 3; 4 ] "visible")

            testCase "a padding mask shows each sequence its own real keys" (fun () ->
                let mask = AttentionMask.Padding [| 2; 0 |]
                Expect.equal (visible mask 0 3 4) [ 2; 2; 2 ] "first"
                Expect.equal (visible mask 1 3 4) [ 0; 0; 0 ] "second")

            testCase "both together show what both show" (fun () ->
                Expect.equal (visible (AttentionMask.CausalAndPadding [| 2 |]) 0 4 4) [ 1; 2; 2; 2 ] "visible")

            testCase "changing the array of lengths afterwards does not change the mask" (fun () ->
                let lengths = [| 2 |]
                let mask = AttentionMask.Padding lengths
                lengths[0] <- 0
                Expect.equal (mask.Visible(0, 0, 4)) 2 "visible")

            testCase "masks that do not fit the tensors are refused" (fun () ->
                let attend mask queryTime keyTime () =
                    let q, k = zeros<float> [ 2; queryTime; 4 ], zeros<float> [ 2; keyTime; 4 ]
                    Attention.Forward(1, 1.0, mask, q, k, k, Arena())

                let remedy = "self-attention only"

                refusesShape [ "as many queries as keys"; "2 and 3"; remedy ] (attend AttentionMask.Causal 2 3)

                let both = AttentionMask.CausalAndPadding [| 1; 1 |]
                refusesShape [ "as many queries as keys" ] (attend both 3 2)
                let three = AttentionMask.Padding [| 1; 1; 1 |]
                refusesShape [ "3 lengths for a batch of 2"; "one a sequence" ] (attend three 2 2)

                for length in [ 4; -1 ] do
                    let mask = AttentionMask.Padding [| 1; length |]
                    refusesShape [ $"{length} keys are real"; "there are 3" ] (attend mask 2 3))
        ]
