using Hybrid.Autodiff;
using Hybrid.Layers;
using Hybrid.Models;
using Hybrid.Tensors;
using static Hybrid.Onnx.OnnxGraph;

namespace Hybrid.Onnx;

/// <summary>
/// Writes a trained residual network as an ONNX model, which any runtime of that standard can execute. All choices of
/// <see cref="ResNetSettings"/> are kept; batch normalization is that of inference, by the running statistics.
/// </summary>
public static class ResNetExport
{
    /// <summary>
    /// Writes the network: <c>images</c>, float [batch, channels, height, width], to <c>logits</c>, float [batch, classes].
    /// </summary>
    /// <param name="path">The file; by custom it ends in .onnx.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="Data.DataFileException">The folder or the disk refuses the file, or it would exceed 2 GiB.</exception>
    /// <remarks>
    /// Channels come before rows and columns, as image models in ONNX have them; <see cref="ResNet{T}"/> itself takes them last. For
    /// images of one channel both orders are the same numbers.
    /// </remarks>
    public static void Write(string path, ResNet<float> model)
    {
        var settings = model.Settings;
        var graph = new OnnxGraph("residual network");
        var images = graph.FloatInput("images", "batch", $"{settings.Channels}", $"{settings.Height}", $"{settings.Width}");
        graph.FloatOutput("logits", new ResNetGraph(graph, model).Logits(images), "batch", $"{settings.Classes}");
        graph.Write(path, $"Image classifier: {settings}.");
    }
}

/// <summary>The architecture of <see cref="ResNet{T}"/> once more, in ONNX operators; parameters are found by their names.</summary>
internal sealed class ResNetGraph(OnnxGraph graph, ResNet<float> model)
{
    private readonly ResNetSettings settings = model.Settings;
    private readonly Dictionary<string, Tensor<float>> tensors =
        model.Parameters.Concat<Stored<float>>(model.Buffers).ToDictionary(stored => stored.Name, stored => stored.Value);

    internal string Logits(string images)
    {
        var x = Relu(Norm("stem", Conv("stem", images, 1)));
        for (var i = 0; i < 3 * settings.BlocksInStage; i++)
        {
            var (stage, block) = (i / settings.BlocksInStage, i % settings.BlocksInStage);
            x = Block($"stage.{stage}.block.{block}", x, changesShape: block == 0 && stage > 0, isActive: i == 0);
        }
        if (settings.PreActivation) x = Relu(Norm("final", x));
        var pooled = graph.Node("Flatten", graph.Node("GlobalAveragePool", x));
        return graph.Node("Add", graph.Node("MatMul", pooled, Parameter("output.weight")), Parameter("output.bias"));
    }

    private string Block(string name, string x, bool changesShape, bool isActive)
    {
        var stride = changesShape ? 2 : 1;
        string active = x, y;
        if (settings.PreActivation)
        {
            if (!isActive) active = Relu(Norm($"{name}.first", x));
            y = Conv($"{name}.second", Relu(Norm($"{name}.second", Conv($"{name}.first", active, stride))), 1);
        }
        else
            y = Norm($"{name}.second", Conv($"{name}.second", Relu(Norm($"{name}.first", Conv($"{name}.first", x, stride))), 1));
        if (settings.Shortcuts != ShortcutKind.None) y = graph.Node("Add", y, Shortcut(name, x, active, changesShape));
        return settings.PreActivation ? y : Relu(y);
    }

    private string Shortcut(string name, string x, string active, bool changesShape)
    {
        if (tensors.ContainsKey($"{name}.shortcut.conv.weight"))
            return Norm($"{name}.shortcut", Conv($"{name}.shortcut", active, changesShape ? 2 : 1));
        if (!changesShape) return x;
        // Every second row and column, then as many channels of zeros behind as there are.
        var taken = graph.Node("Slice", x, graph.Integers(0, 0), graph.Integers(int.MaxValue, int.MaxValue), graph.Integers(2, 3), graph.Integers(2, 2));
        return graph.Node("Pad", taken, graph.Integers(0, 0, 0, 0, 0, tensors[$"{name}.first.conv.weight"].Shape[2], 0, 0));
    }

    private string Conv(string name, string x, int stride)
    {
        var weight = Turned(tensors[$"{name}.conv.weight"]);
        var padding = weight.Shape[2] / 2;
        var constant = graph.Constant($"{name}.conv.weight", weight);
        string[] arguments = tensors.ContainsKey($"{name}.conv.bias") ? [x, constant, Parameter($"{name}.conv.bias")] : [x, constant];
        return graph.Node("Conv", arguments, [Attribute("strides", [stride, stride]), Attribute("pads", [padding, padding, padding, padding])]);
    }

    /// <summary>The norm of that place, if there is one.</summary>
    private string Norm(string name, string x) =>
        tensors.ContainsKey($"{name}.norm.gain")
            ? graph.Node("BatchNormalization",
                [x, Parameter($"{name}.norm.gain"), Parameter($"{name}.norm.bias"), Parameter($"{name}.norm.mean"), Parameter($"{name}.norm.variance")],
                [Attribute("epsilon", (float)BatchNorm<float>.DefaultEps)])
            : x;

    private string Relu(string x) => graph.Node("Relu", x);

    private string Parameter(string name) => graph.Constant(name, tensors[name]);

    /// <summary>[kernelHeight, kernelWidth, inChannels, outChannels] as [outChannels, inChannels, kernelHeight, kernelWidth].</summary>
    private static Tensor<float> Turned(Tensor<float> weight)
    {
        int window = weight.Shape[0] * weight.Shape[1], inChannels = weight.Shape[2], outChannels = weight.Shape[3];
        var turned = Tensor<float>.Zeros(new Shape(outChannels, inChannels, weight.Shape[0], weight.Shape[1]));
        for (var i = 0; i < weight.Length; i++)
        {
            var (place, channel, filter) = (i / outChannels / inChannels, i / outChannels % inChannels, i % outChannels);
            turned.Span[(filter * inChannels + channel) * window + place] = weight.Span[i];
        }
        return turned;
    }
}
