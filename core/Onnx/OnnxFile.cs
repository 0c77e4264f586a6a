namespace Hybrid.Onnx;

/// <summary>
/// Writes any model as an ONNX file, which every runtime of that standard can execute: it is recorded as it evaluates, rule by rule, and
/// each rule becomes operators. Parameters and buffers keep their paths and shapes.
/// </summary>
/// <remarks>
/// A trace knows no loop: what a program repeats until an answer is found, such as a decoder's steps, stays with the program, which
/// runs the file of one step. A model that applies other rules when an axis is longer, as a recurrent one does, is exported with that
/// axis fixed; what a model computes from values outside of rules is in the file as it was.
/// </remarks>
public static class OnnxFile
{
    /// <summary>Writes a model of one input: <c>x</c>, float [batch, ...], to <c>y</c>, float [batch, ...]; the batch is free.</summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="model">What the model computes, such as <c>model.Logits</c>.</param>
    /// <param name="example">An input, [batch, ...], of which only the shape counts.</param>
    /// <exception cref="NotSupportedException">A rule has no operators, or cannot follow a free axis; the message says where.</exception>
    /// <exception cref="ShapeException">The example has no axes.</exception>
    /// <exception cref="Files.DataFileException">The folder or the disk refuses the file, or it would exceed 2 GiB.</exception>
    public static void Save(string path, Func<Variable<float>, Variable<float>> model, Tensor<float> example)
    {
        if (example.Shape.Rank == 0) throw new ShapeException("the example must be [batch, ...], got a scalar; give it a batch axis.");
        OnnxAxis[] axes = [new("batch"), .. example.Shape.ToArray()[1..]];
        Save(path, "y", pass => model(pass.Numbers("x", axes)));
    }

    /// <summary>Writes a model of several inputs, of token ids, or with other free axes than the batch.</summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="output">What the file calls the output.</param>
    /// <param name="model">The output, from the inputs that the pass hands out; the same ones each time it is asked.</param>
    /// <inheritdoc cref="Save(string, Func{Variable{float}, Variable{float}}, Tensor{float})"/>
    public static void Save(string path, string output, Func<OnnxPass, Variable<float>> model) =>
        new OnnxExport(output, model).Graph.Write(path);
}
