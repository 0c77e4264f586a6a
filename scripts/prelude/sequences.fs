namespace Hybrid.Scripts

open System
open System.Diagnostics
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Data
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tensors
open Hybrid.Text

/// An encoder-decoder that learns, and all that changes while it does.
type Learner = { Model: Transformer<float32>; Adam: Adam<float32>; Batches: BatchStream; Dropout: RandomStream }

/// One training run: its name, under which it is saved, and how long it goes.
type Plan =
    {
        Name: string
        Seed: uint64
        /// Anything else that makes it another run.
        Settings: (string * string) list
        /// The learning rate of each step, counted from 1.
        Rate: int -> float
        Steps: int
        Evaluations: int
        Validation: SequencePair[]
        /// Most tokens on either side of a batch.
        TokenBudget: int
    }

/// What a training run leaves behind, beside the model.
type History =
    {
        Plan: Plan
        /// Step and training loss (smoothed targets, with dropout).
        Training: (int * float)[]
        /// Step, validation loss and teacher-forced accuracy.
        Validation: (int * float * float)[]
        /// The mean of the parameters at the last five evaluations.
        Average: ParameterAverage<float32>
        TokensPerSecond: float
        Seconds: float
    }

/// Training and evaluation of encoder-decoders, for all pages that have one.
[<RequireQualifiedAccess>]
module Sequences =
    /// True if the row's largest score is that of the target.
    let private isRight (scores: ReadOnlySpan<float32>) target =
        let mutable best = 0

        for id in 1 .. scores.Length - 1 do
            if scores[id] > scores[best] then
                best <- id

        best = target

    /// The mean loss in nats a token, without smoothing or dropout, and the share of tokens said right when the truth so far is given.
    let evaluate (tape: Tape<float32>) tokenBudget (model: Transformer<float32>) (pairs: SequencePair[]) =
        let mutable nats, right, tokens = 0.0, 0, 0
        use _ = tape.Inference()

        for batch in LengthBuckets.Epoch(pairs, tokenBudget, RandomStream 0UL) do
            tape.Clear()
            let memory = model.Encode(tape, batch.Source)
            let scores = model.Decode(memory, batch.Source, batch.DecoderInput)
            let logits = scores.Value
            let targets = batch.DecoderTarget.Ids
            let loss = scores.CrossEntropy(targets, Vocabulary.Padding)
            nats <- nats + float (loss.Value.ToScalar()) * float batch.TargetTokens
            tokens <- tokens + batch.TargetTokens
            let classes = logits.Shape.Columns

            for i in 0 .. targets.Length - 1 do
                let scores = Span.op_Implicit (logits.Span.Slice(i * classes, classes))

                if targets[i] <> Vocabulary.Padding && isRight scores targets[i] then
                    right <- right + 1

        nats / float tokens, float right / float tokens

    /// The share of the true tokens, end included, that are said at their place by someone who reads what he has said himself. Each pair is the
    /// truth and what was said, as ids.
    let rightInPlace (answers: (int[] * int[])[]) =
        let withEnd ids = Array.append ids [| Vocabulary.End |]

        let right =
            answers
            |> Array.sumBy (fun (truth, said) ->
                Seq.zip (withEnd truth) (withEnd said) |> Seq.filter (fun (a, b) -> a = b) |> Seq.length)

        float right / float (answers |> Array.sumBy (fun (truth, _) -> truth.Length + 1))

    /// Takes all steps of the plan. A step gets its number and learning rate, and returns the loss and the number of target tokens.
    let train (plan: Plan) (learner: Learner) tape (learn: int -> float -> Variable<float32> * int) report =
        let average = ParameterAverage<float32>(learner.Model.Parameters)
        // Step and loss; step, loss and accuracy.
        let training, validation = Series 2, Series 3
        let tokens, ticks = ref 0L, ref 0L

        // All that the run goes on from after an interruption.
        let state = TrainingState()
        state.Add learner.Model.Parameters
        state.Add("adam", learner.Adam)
        state.Add("batches", learner.Batches)
        state.Add("dropout", learner.Dropout)
        state.Add("training", training)
        state.Add("validation", validation)

        state.Add(
            "average",
            Shape [| average.Save().Length |],
            (fun () -> average.Save()),
            (fun saved -> average.Restore saved)
        )

        state.Add("tokens", (fun () -> tokens.Value), (fun saved -> tokens.Value <- saved))
        state.Add("ticks", (fun () -> ticks.Value), (fun saved -> ticks.Value <- saved))

        let tokensPerSecond () = float tokens.Value / (float ticks.Value / float Stopwatch.Frequency)

        let step number =
            let begun = Stopwatch.GetTimestamp()
            let loss, count = learn number (plan.Rate number)
            let loss = float (loss.Value.ToScalar())
            tokens.Value <- tokens.Value + int64 count
            training.Add(float number, loss)
            ticks.Value <- ticks.Value + Stopwatch.GetTimestamp() - begun
            let evaluation = number * plan.Evaluations / plan.Steps

            if evaluation > (number - 1) * plan.Evaluations / plan.Steps then
                let loss, accuracy = evaluate tape plan.TokenBudget learner.Model plan.Validation
                validation.Add(float number, loss, accuracy)

                if evaluation > plan.Evaluations - 5 then
                    average.Add()

            report number $"loss %.3f{loss}, rate %.5f{plan.Rate number}, %.0f{tokensPerSecond ()} tokens/s"

        try
            Training.run
                plan.Name
                ([
                    "seed", string plan.Seed
                    "steps", string plan.Steps
                    "learning rate, first to last", $"{plan.Rate 1} to {plan.Rate plan.Steps}"
                 ]
                 @ plan.Settings)
                state
                plan.Steps
                step
        with :? NonFiniteException as error ->
            Host.refuse $"seed {plan.Seed}, {error.Message}"

        {
            Plan = plan
            Training = [| for row in training.ToArray() -> int row[0], row[1] |]
            Validation = [| for row in validation.ToArray() -> int row[0], row[1], row[2] |]
            Average = average
            TokensPerSecond = tokensPerSecond ()
            Seconds = float ticks.Value / float Stopwatch.Frequency
        }
